"""What gateways in the field do, and what a client makes of it. Each point has its test below, in this order:

 1. some never send an event: reading the record is the truth, events are acceleration;
 2. the first event comes before the answer that names its scan;
 3. a scan finished before anybody listened, was joined late, or went on while the connection was down;
 4. ``failed`` is not final while another attempt may follow, and a retry can mask the cause;
 5. progress goes back with a retry, skips values, and never says 100;
 6. rows keep stale fields: an old error, an old end, a negative duration;
 7. everybody hears everybody's scans, and two scans of one repository run at once;
 8. a scan is silent: it waits, works long, lost its worker, or is stuck; that is age, not an error;
 9. a known scan is 404; a malformed id, a duplicate and a filter are 500 and 400;
10. lists are cached by their whole URL, and a scan's end clears the one without a query;
11. the edges of a graph repeat with every scan;
12. ``artifactsFound`` counts the files that were fetched this time, and is no inventory;
13. events carry extra arguments, or none;
14. unknown keys, unknown events and malformed payloads are counted and shown, never fatal.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

import scanwatch
from scanwatch import ScanStatus, wire
from scanwatch.client._actions import Read
from scanwatch.client._pace import FLOWING_EVERY_S, SILENT_EVERY_S
from scanwatch.model import ConnectionState, EventKind
from scanwatch.panel._outbox import encode_connection
from scanwatch.testing import Quirks, ScriptedGateway, run_gateway
from scanwatch.testing._quirks import FIELD_STEPS
from scanwatch.wire import RecordedRest
from tests.client._conversation import Conversation, record
from tests.client.test_live import TIMEOUT_S, until
from tests.client.test_recordings import RECORDINGS
from tests.events import field, field_end
from tests.strategies import SCAN_ID, START

TARGET = "https://git.example/acme/payments"
ALL_EVENTS = len(FIELD_STEPS) + 1


def in_the_field() -> Conversation:
    conversation = Conversation()
    conversation.session.joined()
    conversation.session.watch(SCAN_ID)
    return conversation


def reads(gateway: ScriptedGateway, scan: scanwatch.Scan) -> int:
    return gateway.requests.count(f"GET /{wire.paths.scan(scan.id)}")


def test_01_a_gateway_that_never_sends_an_event_is_read_and_nothing_is_invented() -> None:
    with ScriptedGateway(Quirks(events=False)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert (scan.status, scan.progress_percent) == (ScanStatus.COMPLETED, 100)
        assert scan.events().empty
        assert scan.connection is ConnectionState.POLLING
        assert reads(gateway, scan) >= 1


def test_02_events_that_come_before_the_answer_that_names_their_scan_are_kept_for_it() -> None:
    with ScriptedGateway(Quirks(early=True)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert scan.events()["progress_percent"].iloc[0] == FIELD_STEPS[0][0]
        assert len(scan.events()) == ALL_EVENTS


def test_03_a_scan_that_ended_before_anybody_listened_or_while_nobody_could_is_read_once() -> None:
    with ScriptedGateway(Quirks(pause_s=0.03)) as gateway:
        with scanwatch.connect(gateway.url) as client:
            scan = client.scan(TARGET)
            until(lambda: scan.progress_percent is not None)
            gateway.cut()
            until(lambda: scan.connection is not ConnectionState.LIVE)
            assert scan.wait(TIMEOUT_S).status is ScanStatus.COMPLETED
        with scanwatch.connect(gateway.url) as later:
            before = reads(gateway, scan)
            assert later.attach(scan.id).wait(TIMEOUT_S).status is ScanStatus.COMPLETED
            assert reads(gateway, scan) == before + 1


def test_03_who_joins_late_sees_the_rest_and_the_end() -> None:
    with ScriptedGateway(Quirks(pause_s=0.03)) as gateway, scanwatch.connect(gateway.url) as first:
        scan = first.scan(TARGET)
        until(lambda: (scan.progress_percent or 0) >= 30)
        with scanwatch.connect(gateway.url) as late:
            other = late.attach(scan.id)
            assert other.phase is not None
            assert other.wait(TIMEOUT_S).status is ScanStatus.COMPLETED
            assert 0 < len(other.events()) < ALL_EVENTS


def test_04_failed_is_not_final_while_another_attempt_may_follow() -> None:
    quirks = Quirks(failures=2, errors=("the cause", "what masks it"))
    with ScriptedGateway(quirks) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        ended: list[tuple[ScanStatus, int]] = []
        client._core.listeners.on_change(scan.id, lambda: ended.append((scan.status, scan.attempt)))
        scan.wait(TIMEOUT_S)
        assert (scan.status, scan.attempt, scan.error) == (ScanStatus.COMPLETED, 3, None)
        assert [failure.error for failure in scan.snapshot.failures] == ["the cause", "what masks it"]
        assert not [status for status, _ in ended if status is ScanStatus.FAILED]


def test_04_failed_is_final_once_the_job_failed_and_keeps_the_error_of_each_attempt() -> None:
    quirks = Quirks(failures=3, errors=("the cause", "what masks it"))
    with ScriptedGateway(quirks) as gateway, scanwatch.connect(gateway.url) as client:
        with pytest.raises(scanwatch.ScanFailed) as failed:
            client.scan(TARGET).result(TIMEOUT_S)
        assert [failure.error for failure in failed.value.attempts] == ["the cause", "what masks it", "what masks it"]


@pytest.mark.parametrize("state", ["delayed", "waiting", "active"])
def test_04_a_failed_row_whose_job_waits_is_never_final(state: str) -> None:
    conversation = in_the_field()
    for _ in range(100):
        conversation.now += 5.0
        conversation.session.read(record(ScanStatus.FAILED, job=state, error="Server Error"))
    assert not conversation.snapshot.terminal


def test_04_a_failed_row_without_a_job_is_final_after_fifteen_seconds_and_no_sooner() -> None:
    conversation = in_the_field()
    asked = 0.0
    while not conversation.snapshot.terminal:
        conversation.session.read(record(ScanStatus.FAILED, error="it broke"))
        conversation.now += 0.5
        asked += 0.5
        assert asked < 20
    assert asked > 15


def test_05_progress_goes_back_with_a_retry_and_100_comes_with_the_confirmed_end_alone() -> None:
    with ScriptedGateway(Quirks(failures=1)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        seen: list[tuple[int | None, bool]] = []
        client._core.listeners.on_change(scan.id, lambda: seen.append((scan.progress_percent, scan.done())))
        scan.wait(TIMEOUT_S)
        until(lambda: bool(seen) and seen[-1] == (100, True))
        percents = [percent for percent, _ in seen if percent is not None]
        assert any(later < earlier for earlier, later in pairwise(percents))
        assert {done for percent, done in seen if percent == 100} == {True}


def test_06_stale_fields_of_a_row_do_not_outweigh_its_status() -> None:
    conversation = in_the_field()
    conversation.session.read(record(ScanStatus.IN_PROGRESS, finished_at=START, error="of the attempt before"))
    assert (conversation.snapshot.terminal, conversation.snapshot.error) == (False, None)
    stale = record(
        ScanStatus.COMPLETED, job="completed", error="old", started_at=START, finished_at=START - timedelta(seconds=9)
    )
    conversation.session.read(stale)
    assert (conversation.snapshot.status, conversation.snapshot.error) == (ScanStatus.COMPLETED, None)
    assert conversation.snapshot.duration_s == 0.0, "never negative"
    with ScriptedGateway(Quirks(failures=1)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        rows = client.scans()
        assert scan.error is None
        assert rows.loc[scan.id, "status"] == "completed"


def test_07_scans_of_others_and_of_the_same_repository_are_kept_apart() -> None:
    with (
        ScriptedGateway() as gateway,
        scanwatch.connect(gateway.url) as mine,
        scanwatch.connect(gateway.url) as theirs,
    ):
        scans = [mine.scan(TARGET), mine.scan(TARGET)]
        foreign = theirs.scan("https://git.example/acme/ledger")
        for scan in (*scans, foreign):
            scan.wait(TIMEOUT_S)
            assert len(scan.events()) == ALL_EVENTS
        assert set(mine._core.session.scans) == {scan.id for scan in scans}
        assert scans[0].snapshot.repository_id == scans[1].snapshot.repository_id


def test_08_silence_is_shown_as_age_and_ends_when_the_record_says_so() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 30, "Fetching 12 changed files"))
    asked = conversation.pass_time(66, Read)
    conversation.session.read(record(ScanStatus.IN_PROGRESS, job="active", percent=30))
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) == pytest.approx(66)
    assert (conversation.snapshot.status, conversation.snapshot.error) == (ScanStatus.IN_PROGRESS, None)
    assert asked
    conversation.hear(field(66_000, 5, "queued"), field(66_500, 10, "Discovering files"))  # another worker took it over
    assert conversation.snapshot.progress_percent == 10
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) == 0
    conversation.pass_time(FLOWING_EVERY_S + SILENT_EVERY_S, Read)
    conversation.session.read(record(ScanStatus.COMPLETED, job="completed"))
    assert conversation.snapshot.status is ScanStatus.COMPLETED


def test_08_a_scan_that_is_stuck_is_neither_failed_nor_given_up() -> None:
    with ScriptedGateway(Quirks(stuck_at=3)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        until(lambda: scan.progress_percent == FIELD_STEPS[2][0])
        with pytest.raises(TimeoutError, match="it goes on"):
            scan.wait(0.01)
        assert scan.refresh().status is ScanStatus.IN_PROGRESS
        assert scan.last_event_age_s is not None
        assert scan.connection is ConnectionState.LIVE


def test_09_a_scan_that_is_found_no_more_ends_the_waiting_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._pace.FLOWING_EVERY_S", 0.1)
    monkeypatch.setattr("scanwatch.client._pace.SILENT_EVERY_S", 0.1)
    with ScriptedGateway(Quirks(stuck_at=2)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        until(lambda: scan.progress_percent == 10)
        gateway.forget(scan.id)
        with pytest.raises(scanwatch.NotFound, match=scan.id):
            scan.wait(TIMEOUT_S)


def test_09_malformed_ids_are_not_asked_for_duplicates_are_found_and_filters_work_here() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as one, scanwatch.connect(gateway.url) as two:
        with pytest.raises(scanwatch.UsageError, match="not the id of a scan"):
            one.attach("latest")
        two.scan("https://git.example/acme/ledger").wait(TIMEOUT_S)  # it has listed the repositories by now
        scans = [one.scan(TARGET).wait(TIMEOUT_S), two.scan(TARGET).wait(TIMEOUT_S)]
        assert gateway.requests.count(f"POST /{wire.paths.repositories}") == 3, "one of them was a duplicate: 500"
        assert len(one.repositories()) == 2
        ours = {scan.id for scan in scans}
        assert ours == set(one.scans(status="completed", repository="acme/payments").index)
        assert one.scans(status="failed").empty
        lists = [asked for asked in gateway.requests if "/repositories/" in asked]
        assert not [asked for asked in lists if "status=" in asked]


def test_10_lists_are_asked_for_without_a_query_and_are_fresh_after_an_end() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        first = client.scan(TARGET).wait(TIMEOUT_S)
        assert set(client.scans().index) == {first.id}
        second = client.scan(TARGET).wait(TIMEOUT_S)
        assert set(client.scans().index) == {first.id, second.id}
        asked = [line for line in gateway.requests if line.startswith("GET") and "/scans" in line]
        lists = [line for line in asked if line.split("?")[0].endswith("/scans") and "/repositories/" in line]
        assert lists
        assert not [line for line in lists if "?" in line]


def test_11_the_edges_of_a_graph_are_told_once_and_a_field_gateways_are_never_asked_for() -> None:
    target = "sim://acme/linked?files=60&duration_s=0.05&artifacts=40"
    with run_gateway() as gateway, scanwatch.connect(gateway.url) as client:
        scans = [client.scan(target).wait(TIMEOUT_S) for _ in range(2)]
        asks: Any = client._core.driver.transport
        path = wire.paths.traceability(str(scans[0].snapshot.repository_id), "graph")
        graph = client._core.submit(lambda: asks._asks.get(path)).result(TIMEOUT_S)
        edges = [(edge["source"], edge["target"], edge["type"]) for edge in graph["edges"]]
        assert len(edges) == len(set(edges)) > 0
    with ScriptedGateway() as field_gateway, scanwatch.connect(field_gateway.url) as client:
        client.scan(TARGET).wait(TIMEOUT_S).events()
        client.scans()
        assert not [asked for asked in field_gateway.requests if "traceability" in asked]


def test_12_a_scans_artifacts_are_what_it_created_and_not_the_files_it_fetched() -> None:
    with (
        ScriptedGateway(RECORDINGS / "retries--large-repository.jsonl", speed=25) as gateway,
        scanwatch.connect(gateway.url) as client,
    ):
        assert client.scan(gateway.targets[0]).result(TIMEOUT_S).artifacts == 43, "46 were found, as the record has it"
        row: RecordedRest | None = gateway.script._known.read(gateway.scan_ids[0])  # type: ignore[attr-defined]
        assert row is not None
        assert row.response["artifactsFound"] == 46


def test_13_extra_arguments_and_missing_ones_lose_no_event() -> None:
    with ScriptedGateway(Quirks(extra=("offset", {"x": 1}))) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        gateway.send(f"scan:{scan.id}:progress")
        assert len(scan.wait(TIMEOUT_S).events()) == ALL_EVENTS
        until(lambda: client.connection.not_understood == 1)


def test_14_what_is_not_understood_is_counted_and_shown_and_harms_nothing() -> None:
    with ScriptedGateway(Quirks(pause_s=0.02)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        name = f"scan:{scan.id}:progress"
        good = {
            "scanId": scan.id,
            "progress": 7,
            "status": "a step of its own",
            "timestamp": "2026-11-22T22:45:09.000Z",
        }
        nonsense: list[tuple[str, object]] = [
            ("somebody:else", {"a": 1}),
            (name, "text"),
            (name, None),
            (name, {"scanId": scan.id, "progress": "much"}),
            (name, good | {"progress": 700}),
            (name, good | {"timestamp": "then"}),
            (name, good | {"scanId": "another"}),
        ]
        for event, payload in nonsense:
            gateway.send(event, payload)
        gateway.send(name, good | {"unheardOf": [1, 2, 3]})
        gateway.send(name, good | {"progress": 8, "unheardOf": 4, "metadata": {"colour": "red"}})
        unknown_keys = 2
        scan.wait(TIMEOUT_S)
        until(lambda: client.connection.not_understood == len(nonsense) + unknown_keys)
        assert len(scan.events()) == ALL_EVENTS + 2, "an unknown key costs nothing"
        assert "a step of its own" in [event.step for event in client._core.session.scans[scan.id].events]
        assert encode_connection(client.connection)["not_understood"] == len(nonsense) + unknown_keys


@pytest.mark.parametrize("quirk", ["doubled", "disordered"])
def test_events_that_come_twice_or_out_of_order_change_nothing(quirk: str) -> None:
    with ScriptedGateway(Quirks(**{quirk: True})) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        until(lambda: len(scan.events()) == ALL_EVENTS)
        assert list(scan.events()["time"]) == sorted(scan.events()["time"])
        assert list(scan.events()["kind"])[-1] == EventKind.COMPLETE


def test_events_that_come_after_the_read_that_ended_the_scan_only_complete_its_history() -> None:
    with ScriptedGateway(Quirks(late_s=0.4, pause_s=0)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert scan.progress_percent == 100
        until(lambda: len(scan.events()) == ALL_EVENTS)
        assert (scan.status, scan.progress_percent) == (ScanStatus.COMPLETED, 100)


def test_a_late_end_of_an_earlier_attempt_does_not_end_the_scan() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 5, "queued"), field(100, 5, "queued"), field_end(50, EventKind.FAILED, "late"))
    assert (conversation.snapshot.settling, conversation.snapshot.terminal) == (False, False)


def test_attempts_are_counted_by_reads_where_no_event_tells_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._pace.HURRIED_EVERY_S", 0.05)
    monkeypatch.setattr("scanwatch.client._pace.SILENT_EVERY_S", 0.05)
    quirks = Quirks(events=False, failures=3, errors=("the cause", "what masks it"), retry_s=1.2, pause_s=0.2)
    with ScriptedGateway(quirks) as gateway, scanwatch.connect(gateway.url) as client:
        with pytest.raises(scanwatch.ScanFailed) as failed:
            client.scan(TARGET).result(TIMEOUT_S)
        told = [(failure.attempt, failure.error) for failure in failed.value.attempts]
        assert told == [(1, "the cause"), (2, "what masks it"), (3, "what masks it")]


def test_a_failure_is_counted_once_though_both_its_event_and_its_row_tell_of_it() -> None:
    failed = record(
        ScanStatus.FAILED, job="delayed", error="it broke", started_at=START, finished_at=START + timedelta(seconds=2)
    )
    event = field_end(2_003, EventKind.FAILED, "it broke")
    for row_first in (True, False):
        conversation = in_the_field()
        conversation.hear(field(0, 5, "queued"))
        if row_first:
            conversation.session.read(failed)
        conversation.hear(event)
        conversation.session.read(failed)
        conversation.hear(field(7_000, 5, "queued"))
        conversation.session.read(failed)  # it was asked before, and lags
        assert conversation.snapshot.attempt == 2
        assert [failure.error for failure in conversation.snapshot.failures] == ["it broke"]
        assert not conversation.snapshot.settling


def test_a_failure_whose_event_comes_after_its_row_and_the_next_attempts_is_not_counted_again() -> None:
    conversation = in_the_field()
    failed_at, again_at = START + timedelta(seconds=2), START + timedelta(seconds=7)
    conversation.session.read(
        record(ScanStatus.FAILED, job="delayed", error="it broke", started_at=START, finished_at=failed_at)
    )
    conversation.session.read(record(ScanStatus.IN_PROGRESS, job="active", started_at=again_at, finished_at=failed_at))
    conversation.hear(field_end(2_003, EventKind.FAILED, "it broke"))
    assert (conversation.snapshot.attempt, conversation.snapshot.settling) == (2, False)
    assert [failure.error for failure in conversation.snapshot.failures] == ["it broke"]
