"""A simulated scan looks like a real one, repeats exactly, and misbehaves only as it is told.

@gxp-spec SPEC-004-002 "Simulated scanner"
@trace US-004-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.model import ARTIFACT_KINDS, FINDING_LEVELS, WORK_PHASES, Phase, Progress, ScanOutcome
from scanwatch.scanners import Task
from scanwatch.scanners._simulated import SimulatedScanner
from scanwatch.snapshot import percent_done
from scanwatch.tables import traceability_table

DEFAULT = "sim://acme/payments"


async def play(
    target: str = DEFAULT, *, attempt: int = 1, told: list[Progress] | None = None, **options: Any
) -> tuple[ScanOutcome, list[Progress], float]:
    """The outcome, the reports and the time a simulated scan slept, without the time."""
    told = [] if told is None else told
    slept = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    outcome = await SimulatedScanner(sleep).scan(Task("s1", target, options, attempt), told.append)
    return outcome, told, slept


@pytest.fixture(autouse=True)
def real_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANWATCH_SIM_SPEED", raising=False)


async def test_by_default_a_hundred_and_twenty_files_take_six_seconds() -> None:
    outcome, _, slept = await play()
    assert outcome.files == 120
    assert slept == pytest.approx(6.0)


async def test_all_five_phases_come_in_order_each_from_no_file_to_all() -> None:
    _, told, _ = await play()
    assert list(dict.fromkeys(progress.phase for progress in told)) == list(WORK_PHASES)
    for phase in WORK_PHASES:
        counts = [progress.files_processed for progress in told if progress.phase is phase]
        assert (counts[0], counts[-1]) == (0, 120)
        assert counts == sorted(counts, key=lambda count: count or 0)


async def test_percent_never_falls_and_artifacts_found_grow_to_what_there_is() -> None:
    outcome, told, _ = await play()
    percents = [percent_done(p.phase, p.files_processed, p.total_files) or 0 for p in told]
    found = [progress.artifacts_found or 0 for progress in told]
    assert percents == sorted(percents)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, len(outcome.artifacts))


async def test_artifacts_have_parents_before_them_and_findings_are_about_artifacts() -> None:
    outcome, _, _ = await play(files=2000)
    parent_kind = {
        "user_story": "requirement",
        "spec": "user_story",
        "risk_entry": "requirement",
        **dict.fromkeys(["evidence_jws", "evidence_package"], "spec"),
    }
    seen: dict[str, str] = {}
    for artifact in outcome.artifacts:
        assert artifact.kind in ARTIFACT_KINDS
        if artifact.kind in parent_kind:
            assert artifact.parent_id is not None
            assert seen[artifact.parent_id] == parent_kind[artifact.kind]
        assert artifact.artifact_id not in seen
        seen[artifact.artifact_id] = artifact.kind
    assert set(seen.values()) == {"system_context", "requirement", *parent_kind}
    misspelt = {tag.artifact_id for tag in outcome.annotations if not tag.resolved}
    assert outcome.findings
    assert all(finding.artifact_id in {*seen, *misspelt} for finding in outcome.findings)
    assert all(finding.level in FINDING_LEVELS for finding in outcome.findings)


async def test_annotations_and_evidence_are_about_specs_that_are_there() -> None:
    outcome, _, _ = await play(files=2000)
    of_kind = {kind: {row.artifact_id for row in outcome.artifacts if row.kind == kind} for kind in ARTIFACT_KINDS}
    assert {tag.artifact_id in of_kind["spec"] for tag in outcome.annotations if tag.resolved} == {True}
    assert {tag.artifact_id in of_kind["spec"] for tag in outcome.annotations if not tag.resolved} == {False}
    assert all((tag.test_type is None) == tag.file.startswith("src/") for tag in outcome.annotations)
    proofs = {row.evidence_id: row for row in outcome.evidence}
    assert proofs.keys() == of_kind["evidence_jws"] | of_kind["evidence_package"]
    assert all(row.spec_id in of_kind["spec"] and row.user_story in of_kind["user_story"] for row in proofs.values())
    assert {row.signature for row in proofs.values()} == {"verified", "unverifiable", "invalid"}
    verified = traceability_table(outcome.artifacts, outcome.evidence)["verified"]
    assert 0.3 < verified.mean() < 0.9


async def test_findings_say_what_the_record_shows() -> None:
    outcome, _, _ = await play(files=2000, findings=10_000)
    said = {(finding.rule, finding.artifact_id) for finding in outcome.findings}
    proven = {row.spec_id for row in outcome.evidence}
    bare = {row.artifact_id for row in outcome.artifacts if row.kind == "spec"} - proven
    assert {spec for rule, spec in said if rule == "spec-without-evidence"} == bare
    invalid = {row.evidence_id for row in outcome.evidence if row.signature == "invalid"}
    assert {proof for rule, proof in said if rule == "evidence-signature"} == invalid


@given(files=st.integers(0, 300), seed=st.integers(0, 9), artifacts=st.integers(0, 400), findings=st.integers(0, 50))
async def test_the_same_options_give_the_same_scan_with_the_counts_asked_for(
    files: int, seed: int, artifacts: int, findings: int
) -> None:
    options = {"files": files, "seed": seed, "artifacts": artifacts, "findings": findings, "duration_s": 1}
    outcome, told, _ = await play(**options)
    assert (outcome, told) == (await play(**options))[:2]
    assert outcome.files == files
    assert len(outcome.artifacts) == (artifacts if files else 0)
    assert len(outcome.findings) <= findings


async def test_another_seed_or_name_gives_another_scan_and_another_attempt_does_not() -> None:
    outcome = (await play(seed=1))[0]
    assert outcome != (await play(seed=2))[0]
    assert outcome != (await play("sim://acme/billing", seed=1))[0]
    assert outcome == (await play(seed=1, attempt=2))[0]


async def test_the_query_and_the_requests_options_mean_the_same_and_the_request_wins() -> None:
    by_query = (await play("sim://acme/payments?files=9&seed=3"))[0]
    assert by_query == (await play(files=9, seed=3))[0]
    assert by_query == (await play("sim://acme/payments?files=100&seed=3", files=9))[0]


async def test_it_fails_in_the_phase_in_so_many_attempts_and_with_the_code_it_is_told() -> None:
    for attempt in (1, 2):
        told: list[Progress] = []
        with pytest.raises(ScannerError) as caught:
            await play(fail="fetch:2:rate_limited", attempt=attempt, told=told)
        assert (caught.value.code, caught.value.retryable, told[-1].phase) == ("rate_limited", True, Phase.FETCH)
        assert 0 < (told[-1].files_processed or 0) < 120
    assert (await play(fail="fetch:2:rate_limited", attempt=3))[0].files == 120


@pytest.mark.parametrize("fail", ["parse", "parse:internal"])
async def test_without_a_number_every_attempt_fails(fail: str) -> None:
    with pytest.raises(ScannerError) as caught:
        await play(fail=fail, attempt=99)
    assert (caught.value.code, caught.value.retryable) == ("internal", True)


async def test_what_is_not_found_is_not_worth_another_attempt() -> None:
    with pytest.raises(ScannerError) as caught:
        await play(fail="discovery:1:not_found")
    assert (caught.value.code, caught.value.retryable) == ("not_found", False)


async def test_a_stalled_scan_says_nothing_more_until_it_is_cancelled() -> None:
    told: list[Progress] = []
    task = Task("s1", DEFAULT, {"stall": "parse", "duration_s": 0})
    scan = asyncio.create_task(SimulatedScanner().scan(task, told.append))
    for _ in range(100):
        await asyncio.sleep(0)
    assert told[-1].phase is Phase.PARSE
    count = len(told)
    await asyncio.sleep(0.01)
    assert len(told) == count
    scan.cancel()
    await asyncio.gather(scan, return_exceptions=True)
    assert scan.cancelled()


async def test_a_stall_of_some_seconds_passes() -> None:
    _, told, slept = await play(stall="parse:30")
    assert slept == pytest.approx(36)
    assert told[-1].phase is Phase.PERSIST


async def test_the_quirks_do_what_they_say() -> None:
    plain = (await play())[0]
    for quirk in ("silent", "backwards", "no_totals", "burst"):
        outcome, told, slept = await play(quirk=quirk)
        assert outcome == plain
        assert slept == pytest.approx(6.0)
        counts = [progress.files_processed or 0 for progress in told if progress.phase is Phase.PARSE]
        assert (told == []) == (quirk == "silent")
        assert (counts != sorted(counts)) == (quirk == "backwards")
        assert all(progress.total_files is None for progress in told) == (quirk in ("no_totals", "silent"))
        assert (len(counts) == 121) == (quirk == "burst")


async def test_a_masked_failure_hides_its_cause_from_the_second_attempt_on() -> None:
    causes = []
    for attempt in (1, 2):
        with pytest.raises(ScannerError) as caught:
            await play(fail="fetch:3:timeout", quirk="masked", attempt=attempt)
        causes.append(caught.value.code)
    assert causes == ["timeout", "internal"]


async def test_the_environment_makes_every_simulation_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    told = (await play())[1]
    monkeypatch.setenv("SCANWATCH_SIM_SPEED", "20")
    _, faster, slept = await play()
    assert slept == pytest.approx(0.3)
    assert faster == told


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "inf", ""])
async def test_a_speed_that_makes_no_sense_is_refused(speed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANWATCH_SIM_SPEED", speed)
    with pytest.raises(ScannerError, match="SCANWATCH_SIM_SPEED"):
        await play()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fles": 3}, "no option 'fles'. Did you mean 'files'?"),
        ({"files": "many"}, "'files' is 'many'; it must be a whole number"),
        ({"files": 1.5}, "'files' is 1.5"),
        ({"files": True}, "'files' is True"),
        ({"files": -1}, "from 0 to 100000"),
        ({"files": 10**9}, "from 0 to 100000"),
        ({"files": [1]}, "'files' is [1]"),
        ({"duration_s": "nan"}, "'duration_s' is 'nan'"),
        ({"duration_s": "inf"}, "a number of seconds"),
        ({"duration_s": -1}, "a number of seconds"),
        ({"fail": "fetsh:1"}, "unknown phase 'fetsh'. Did you mean 'fetch'?"),
        ({"fail": "queued"}, "unknown phase 'queued'"),
        ({"fail": "fetch:1:ratelimited"}, "Did you mean 'rate_limited'?"),
        ({"fail": "fetch:1:cancelled"}, "unknown failure code 'cancelled'"),
        ({"fail": "fetch:1:timeout:more"}, "PHASE:ATTEMPTS:CODE"),
        ({"fail": "fetch::timeout"}, "PHASE:ATTEMPTS:CODE"),
        ({"stall": "parse:soon"}, "'stall' is 'soon'"),
        ({"quirk": "silence"}, "Did you mean 'silent'?"),
    ],
)
async def test_a_wrong_option_is_refused_by_name_with_what_would_be_right(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ScannerError) as caught:
        await play(**options)
    assert words in str(caught.value)
    assert str(caught.value).startswith(DEFAULT)
    assert (caught.value.code, caught.value.retryable) == ("invalid", False)


async def test_a_target_without_a_name_is_refused() -> None:
    with pytest.raises(ScannerError, match="write sim://owner/name"):
        await play("sim://")
