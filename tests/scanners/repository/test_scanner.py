"""The repository scanner turns a commit into an inventory, phase by phase.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path

import pytest

from scanwatch.errors import ScannerError
from scanwatch.model import ARTIFACT_KINDS, FINDING_LEVELS, WORK_PHASES, Phase
from scanwatch.scanners import Task
from scanwatch.scanners.repository import RepositoryScanner

PROJECT = Path(__file__).parents[3]


def test_a_good_record_gives_its_artifacts_and_no_finding(repo, scan):
    outcome = scan(repo.path).outcome

    assert outcome.findings == ()
    assert [(artifact.kind, artifact.artifact_id, artifact.parent_id) for artifact in outcome.artifacts] == [
        ("adr", "ADR-001", None),
        ("requirement", "REQ-001", None),
        ("spec", "SPEC-001-001", "US-001-001"),
        ("system_context", "3f2b8c1e-7a54-4c1e-9d53-0a8f6b2f5e11", None),
        ("user_story", "US-001-001", "REQ-001"),
        ("risk_entry", "RISK-001", "REQ-001"),
        ("evidence_jws", "EV-SPEC-001-001", "SPEC-001-001"),
    ]


def test_an_artifact_tells_title_risk_tier_status_file_and_line(repo, scan):
    artifacts = {artifact.artifact_id: artifact for artifact in scan(repo.path).outcome.artifacts}

    requirement, spec, decision = artifacts["REQ-001"], artifacts["SPEC-001-001"], artifacts["ADR-001"]
    assert (requirement.title, requirement.risk, requirement.status) == ("Pay", "LOW", "draft")
    assert (requirement.file, requirement.line) == (".gxp/requirements/REQ-001-pay.md", 2)
    assert spec.tier == "OQ"
    assert (decision.title, decision.status) == ("One terminal", "Accepted")


def test_the_outcome_names_the_commit_and_counts_the_documents(repo, scan):
    outcome = scan(repo.path).outcome

    assert outcome.commit == repo.git("rev-parse", "HEAD")
    assert outcome.files == 8, "six documents and two source files"


def test_the_five_phases_come_in_order_with_true_counts(repo, scan):
    reports = scan(repo.path).reports

    assert [phase for phase, _ in groupby(report.phase for report in reports)] == list(WORK_PHASES)
    parsed = [report for report in reports if report.phase is Phase.PARSE]
    assert [report.files_processed for report in parsed] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {report.total_files for report in parsed} == {8}
    assert parsed[0].current_file == ".gxp/adr/ADR-001-one-terminal.md"
    assert parsed[-1].current_file == "tests/test_card.py"
    assert [report.artifacts_found for report in parsed] == [2, 3, 4, 5, 6, 7, 7, 7]
    assert reports[-1].artifacts_found == 7


def test_the_ref_option_picks_a_branch_a_tag_or_a_commit(repo, scan):
    first = repo.git("rev-parse", "HEAD")
    repo.git("tag", "v1")
    repo.commit({".gxp/requirements/REQ-002-refund.md": "---\ngxp_id: REQ-002\n---\n"})

    for ref in ("v1", first, first[:10]):
        assert scan(repo.path, ref=ref).outcome.commit == first
    assert scan(repo.path, ref="main").outcome.files == 9


def test_what_is_not_committed_is_not_seen(repo, scan):
    repo.write({".gxp/requirements/REQ-002-refund.md": "---\ngxp_id: REQ-002\n---\n"})

    assert scan(repo.path).outcome.files == 8


def test_a_file_url_names_the_same_repository_as_its_path(repo, scan):
    assert scan(repo.path.as_uri()).outcome == scan(repo.path).outcome


def test_a_ref_in_the_query_of_a_url_is_an_option(repo, scan):
    repo.git("tag", "v1")
    first = repo.git("rev-parse", "v1")
    repo.commit({"src/more.py": ""})

    assert scan(f"{repo.path.as_uri()}?ref=v1").outcome.commit == first


def test_a_bare_repository_and_a_linked_working_tree_are_read_in_place(repo, scan, tmp_path):
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"))

    assert scan(tmp_path / "bare.git").outcome == scan(repo.path).outcome
    assert scan(tmp_path / "linked").outcome == scan(repo.path).outcome


def test_our_own_record_has_no_error(scan):
    outcome = scan(PROJECT).outcome

    errors = [finding for finding in outcome.findings if finding.level == "error"]
    assert [finding for finding in errors if not finding.suppressed] == []
    assert {finding.rule for finding in errors} == {"spec-without-evidence"}
    assert all(" Accepted: " in finding.message for finding in errors)
    kinds = {artifact.kind for artifact in outcome.artifacts}
    assert kinds >= {"system_context", "requirement", "user_story", "spec", "adr", "risk_entry"}
    assert kinds <= set(ARTIFACT_KINDS)
    assert {finding.level for finding in outcome.findings} <= set(FINDING_LEVELS)


def test_a_repository_without_a_record_fails_and_says_so(empty_repo, scan):
    empty_repo.commit({"README.md": "Hello\n"})

    with pytest.raises(ScannerError, match=r"has no \.gxp directory at commit .* Commit one") as raised:
        scan(empty_repo.path)
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ref": "--output=/tmp/x"}, "names no commit"),
        ({"ref": ""}, "names no commit"),
        ({"ref": 7}, "names no commit"),
        ({"ref": "main\n"}, "names no commit"),
        ({"ref": ":/State"}, "names no commit"),
        ({"ref": "no-such-branch"}, "no commit called 'no-such-branch'"),
        ({"reff": "main"}, "Did you mean ref"),
    ],
)
def test_a_wrong_option_is_refused_in_words(repo, scan, options, words):
    with pytest.raises(ScannerError, match=words) as raised:
        scan(repo.path, **options)
    assert not raised.value.retryable


@pytest.mark.parametrize("phase", [Phase.DISCOVERY, Phase.FETCH, Phase.PARSE, Phase.VALIDATE])
def test_a_checkout_that_disappears_while_it_is_read_is_said_to_have_gone(repo, phase):
    def report(progress):
        if progress.phase is phase and progress.total_files and repo.path.exists():
            shutil.rmtree(repo.path)

    with pytest.raises(ScannerError, match="removed or moved while it was scanned") as raised:
        RepositoryScanner().scan(Task("1", str(repo.path)), report)
    assert str(repo.path) in str(raised.value)
    assert (raised.value.code, raised.value.retryable) == ("not_found", False)


def test_a_checkout_that_disappears_once_it_is_read_is_scanned(repo):
    def report(progress):
        if progress.phase is Phase.PERSIST and repo.path.exists():
            shutil.rmtree(repo.path)

    assert len(RepositoryScanner().scan(Task("1", str(repo.path)), report).artifacts) == 7


def test_findings_of_one_file_are_bounded_and_the_rest_is_counted(repo, scan):
    repo.commit({".gxp/risk_assessment.log": "[2 not an entry\n" * 250})

    scanned = scan(repo.path)

    assert len(scanned.findings("risk-entry-malformed")) == 100
    assert "150 more" in scanned.findings("findings-omitted")[0].message
