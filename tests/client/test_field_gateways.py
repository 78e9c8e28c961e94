"""Against gateways as they are in the field a client is right too: without events, with early ones, with retries.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

import scanwatch
from scanwatch import ScanStatus
from scanwatch.model import ConnectionState, EventKind
from scanwatch.testing import Quirks, ScriptedGateway
from scanwatch.testing._quirks import FIELD_STEPS as STEPS
from tests.client.test_live import TIMEOUT_S, until

TARGET = "https://git.example/acme/payments"


def kinds(scan: scanwatch.Scan) -> list[str]:
    return [str(kind) for kind in scan.events()["kind"]]


def test_a_scan_is_followed_by_events_and_confirmed_by_a_read() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        assert scan.result(TIMEOUT_S).artifacts == 4
        assert scan.connection is ConnectionState.LIVE
        assert list(scan.events()["progress_percent"].dropna()) == [*(percent for percent, _ in STEPS), 100]
        assert kinds(scan)[-1] == EventKind.COMPLETE
        assert scan.progress_percent == 100
        assert f"GET /api/v1/scans/{scan.id}" in gateway.requests


def test_a_gateway_that_sends_no_event_is_read_instead_and_nothing_is_invented() -> None:
    with ScriptedGateway(Quirks(events=False)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert scan.status is ScanStatus.COMPLETED
        assert len(scan.events()) == 0
        assert scan.connection is ConnectionState.POLLING
        assert "no events" in str(client.connection.reason)


def test_events_before_the_answer_are_not_lost() -> None:
    with ScriptedGateway(Quirks(early=True)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert len(scan.events()) == len(STEPS) + 1


def test_failing_then_completing_shows_as_a_second_attempt() -> None:
    with ScriptedGateway(Quirks(failures=1)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert (scan.status, scan.attempt, scan.error) == (ScanStatus.COMPLETED, 2, None)
        assert [failure.error for failure in scan.snapshot.failures] == ["Server Error"]
        assert kinds(scan).count(EventKind.FAILED) == 1


def test_failing_in_every_attempt_is_a_failure_with_the_error_of_each() -> None:
    with ScriptedGateway(Quirks(failures=3)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        with pytest.raises(scanwatch.ScanFailed, match="Server Error") as failed:
            scan.result(TIMEOUT_S)
        assert [failure.attempt for failure in failed.value.attempts] == [1, 2, 3]


def test_extra_arguments_foreign_events_and_nonsense_do_no_harm() -> None:
    with ScriptedGateway(Quirks(extra=("offset", {"x": 1}))) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        gateway.send("somebody:else", {"a": 1})
        gateway.send(f"scan:{scan.id}:progress")
        gateway.send(f"scan:{scan.id}:progress", "text")
        gateway.send(f"scan:{scan.id}:progress", {"scanId": scan.id, "progress": "much"})
        gateway.send("scan:other:progress", {"scanId": "other", "progress": 5, "status": "queued", "timestamp": "then"})
        scan.wait(TIMEOUT_S)
        assert len(scan.events()) == len(STEPS) + 1
        until(lambda: client.connection.not_understood == 5)


def test_a_scan_that_finished_before_anyone_listened_is_seen_completed() -> None:
    with ScriptedGateway() as gateway:
        with scanwatch.connect(gateway.url) as client:
            scan_id = client.scan(TARGET).wait(TIMEOUT_S).id
        with scanwatch.connect(gateway.url) as later:
            scan = later.attach(scan_id)
            assert scan.wait(TIMEOUT_S).status is ScanStatus.COMPLETED
            assert scan.target == TARGET


def test_a_gateway_under_a_path_is_reached_for_records_and_events() -> None:
    with ScriptedGateway(prefix="/user/ada/proxy/8700") as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        assert client.url.endswith("/user/ada/proxy/8700/")
        assert len(scan.events()) == len(STEPS) + 1


def test_what_a_gateway_cannot_do_it_says_in_words() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET)
        with pytest.raises(scanwatch.NotSupported, match="cannot cancel"):
            scan.cancel()
        with pytest.raises(scanwatch.NotSupported, match="cannot retry"):
            scan.retry()
        with pytest.raises(scanwatch.NotSupported, match="artifacts"):
            scan.artifacts()
        with pytest.raises(scanwatch.NotSupported, match="options"):
            client.scan("sim://acme/payments?files=3")
        assert scan.wait(TIMEOUT_S).done()


def test_a_watch_of_everything_shows_what_the_lists_and_the_events_say() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as triggering:
        before = triggering.scan(TARGET).wait(TIMEOUT_S)
        with scanwatch.connect(gateway.url) as watching:
            feed = watching.feed()
            assert [snapshot.scan_id for snapshot in feed.snapshots()] == [before.id]
            after = triggering.scan(TARGET)
            until(lambda: {s.scan_id: s.terminal for s in feed.snapshots()} == {before.id: True, after.id: True})


def test_the_history_table_filters_in_the_client() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(TIMEOUT_S)
        client.scan("https://git.example/acme/ledger").wait(TIMEOUT_S)
        assert list(client.scans(repository="acme/payments").index) == [scan.id]
        assert len(client.scans(status=["completed", "failed"])) == 2
        assert len(client.scans(status="failed")) == 0
        with pytest.raises(scanwatch.UsageError, match="'completed'"):
            client.scans(status="complete")
