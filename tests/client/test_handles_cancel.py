"""A cancelled scan is `cancelling` until the worker confirms: in the handle, in the panel, and for whoever comes late.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ipywidgets import Widget

import scanwatch
from scanwatch import ScanStatus
from scanwatch.client._actions import Subscribe
from scanwatch.model import ConnectionState, Turn
from scanwatch.snapshot import Snapshot
from scanwatch.testing import ScriptedGateway
from tests.client._conversation import Conversation, record
from tests.client._proxy import proxied
from tests.client._stubborn import TARGET, StubbornGateway, stubborn_gateway
from tests.client.test_live import TIMEOUT_S, until
from tests.events import ours, ours_end
from tests.strategies import SCAN_ID


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[StubbornGateway]:
    with stubborn_gateway(tmp_path) as gateway:
        yield gateway
    Widget.close_all()


def turns(scan: scanwatch.Scan) -> list[str]:
    return [str(status) for status in scan.events()["status"]]


def test_a_cancel_shows_at_once_and_the_end_only_when_it_is_confirmed(stubborn: StubbornGateway) -> None:
    with scanwatch.connect(stubborn.url) as client, scanwatch.connect(stubborn.url) as late:
        scan = client.scan(TARGET)
        until(lambda: scan.status is ScanStatus.IN_PROGRESS)
        scan.cancel()
        assert (scan.status, scan.done()) == (ScanStatus.CANCELLING, False)
        for _ in range(3):
            scan.cancel()
        assert late.attach(scan.id).status is ScanStatus.CANCELLING
        assert "Cancelling" in str(client.watch(scan))
        stubborn.let_go()
        assert scan.wait(TIMEOUT_S).status is ScanStatus.CANCELLED
        assert (scan.cancelled(), scan.error is None) == (True, False)
        assert turns(scan).count("cancelling") == 1, "asked four times, noted once"
        scan.cancel()
        assert scan.refresh().status is ScanStatus.CANCELLED


def test_a_cancel_outlasts_a_connection_that_breaks_meanwhile(stubborn: StubbornGateway) -> None:
    with proxied(stubborn.url) as proxy, scanwatch.connect(proxy.url) as client:
        scan = client.scan(TARGET)
        until(lambda: scan.status is ScanStatus.IN_PROGRESS)
        scan.cancel()
        proxy.cut()
        until(lambda: scan.connection is ConnectionState.RECONNECTING)
        assert scan.status is ScanStatus.CANCELLING
        with pytest.raises(scanwatch.GatewayUnreachable):
            scan.cancel()
        stubborn.let_go()
        proxy.mend()
        assert scan.wait(TIMEOUT_S).status is ScanStatus.CANCELLED


def test_cancelling_and_retrying_where_the_gateway_has_no_such_route_says_so_and_changes_nothing() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        batch = client.scan_many(["https://git.example/acme/payments"])
        (scan,) = list(batch)
        for ask in (scan.cancel, batch.cancel):
            with pytest.raises(scanwatch.NotSupported, match="cannot cancel scans; scan"):
                ask()
        with pytest.raises(scanwatch.NotSupported, match=r"cannot retry scans; call client\.scan"):
            scan.retry()
        assert scan.wait(TIMEOUT_S).status is ScanStatus.COMPLETED


def test_a_scan_that_runs_cannot_be_retried_and_the_refusal_says_what_to_do(client: scanwatch.Client) -> None:
    scan = client.scan("sim://acme/slow?files=2000&duration_s=60&seed=7")
    with pytest.raises(scanwatch.GatewayAnswerError, match="cancel it first"):
        scan.retry()
    scan.cancel()
    scan.wait(TIMEOUT_S)


def test_a_scan_that_completes_despite_a_cancel_is_completed() -> None:
    talk = Conversation()
    talk.session.watch(SCAN_ID)
    talk.session.joined()
    talk.session.greeted()
    talk.session.acknowledged(Subscribe((SCAN_ID,)), [(Snapshot(SCAN_ID), ())])
    talk.hear(ours(1), ours(2, turn=Turn.CANCELLING), ours(3, done=9))
    assert talk.snapshot.status is ScanStatus.CANCELLING, "progress does not take the wish back"
    talk.hear(ours_end(4))
    assert (talk.snapshot.status, talk.snapshot.progress_percent) == (ScanStatus.COMPLETED, 100)


def test_a_record_read_while_no_events_pass_shows_the_cancel_too() -> None:
    talk = Conversation()
    talk.session.watch(SCAN_ID)
    talk.session.joined()
    talk.session.greeted()
    talk.session.acknowledged(Subscribe((SCAN_ID,)), [(Snapshot(SCAN_ID), ())])
    talk.hear(ours(1), ours(2))
    talk.session.left("The connection was lost.")
    talk.session.read(record(ScanStatus.IN_PROGRESS, seq=2))
    assert talk.snapshot.status is ScanStatus.IN_PROGRESS
    talk.session.read(record(ScanStatus.CANCELLING, seq=3))
    assert talk.snapshot.status is ScanStatus.CANCELLING
    talk.session.read(record(ScanStatus.IN_PROGRESS, seq=2))
    assert talk.snapshot.status is ScanStatus.CANCELLING, "an older answer takes nothing back"
