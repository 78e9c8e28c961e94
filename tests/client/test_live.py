"""Over real sockets a client ends with the whole truth: late, cut off, restarted, refused, or one of several.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import scanwatch
from scanwatch import ScanStatus
from scanwatch.model import ConnectionState, Event
from scanwatch.testing import RunningGateway, run_gateway
from tests.client._proxy import proxied

QUICK = "sim://acme/payments?files=20&duration_s=0.2&seed=7"
SECONDS = "sim://acme/ledger?files=60&duration_s=1.5&seed=7"
ENDLESS = "sim://acme/slow?files=2000&duration_s=60&seed=7"
TIMEOUT_S = 20


def until(check: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def history(scan: scanwatch.Scan) -> list[tuple[object, ...]]:
    table = scan.events()
    return list(table[["seq", "kind", "phase", "progress_percent"]].astype(object).itertuples(index=False, name=None))


def test_a_scan_that_finished_before_anyone_listened_is_seen_completed(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as first:
        scan_id = first.scan(QUICK).wait(TIMEOUT_S).id
    with scanwatch.connect(gateway.url) as second:
        scan = second.attach(scan_id).wait(TIMEOUT_S)
        assert scan.status is ScanStatus.COMPLETED
        assert [row[0] for row in history(scan)] == list(range(1, scan.snapshot.seq + 1))


def test_who_joins_late_has_the_history_of_who_stayed(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as stayed, scanwatch.connect(gateway.url) as late:
        scan = stayed.scan(SECONDS)
        until(lambda: scan.snapshot.seq > 5)
        other = late.attach(scan.id)
        heard: list[Event] = []
        other.on_event(heard.append)
        assert history(other.wait(TIMEOUT_S)) == history(scan.wait(TIMEOUT_S))
        until(lambda: len(heard) == scan.snapshot.seq)
        assert [event.seq for event in heard] == list(range(1, scan.snapshot.seq + 1))
        assert other.snapshot == scan.snapshot


def test_who_was_cut_off_has_the_history_of_who_stayed(gateway: RunningGateway) -> None:
    with (
        proxied(gateway.url) as proxy,
        scanwatch.connect(gateway.url) as stayed,
        scanwatch.connect(proxy.url) as cut_off,
    ):
        scan = stayed.scan(SECONDS)
        other = cut_off.attach(scan.id)
        heard: list[Event] = []
        other.on_event(heard.append)
        until(lambda: len(heard) > 5)
        proxy.cut()
        until(lambda: other.connection is ConnectionState.RECONNECTING)
        assert cut_off.connection.retry_at is not None
        until(scan.done)
        assert not other.done()
        proxy.mend()
        assert history(other.wait(TIMEOUT_S)) == history(scan)
        until(lambda: len(heard) == scan.snapshot.seq)
        assert [event.seq for event in heard] == list(range(1, scan.snapshot.seq + 1))
        until(lambda: other.connection is ConnectionState.LIVE)


def test_a_gateway_that_restarts_is_found_again_and_its_scan_ends(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/scans.db"
    with run_gateway(store=store) as first:
        port = int(first.url.rpartition(":")[2])
        client = scanwatch.connect(first.url)
        scan = client.scan(SECONDS)
        until(lambda: scan.snapshot.seq > 5)
    with client, run_gateway(store=store, port=port):
        assert scan.wait(TIMEOUT_S).status is ScanStatus.COMPLETED
        assert [row[0] for row in history(scan)] == list(range(1, scan.snapshot.seq + 1))


def test_clients_of_different_scans_do_not_hear_each_other(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as one, scanwatch.connect(gateway.url) as other:
        mine, theirs = one.scan(QUICK), other.scan("sim://acme/billing?files=20&duration_s=0.2&seed=8")
        mine.wait(TIMEOUT_S)
        theirs.wait(TIMEOUT_S)
        assert set(one._core.session.scans) == {mine.id}
        assert set(other._core.session.scans) == {theirs.id}
        assert not one._core.session._unwatched._events
        assert not other._core.session._unwatched._events


def test_two_clients_of_one_scan_see_the_same(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as one, scanwatch.connect(gateway.url) as other:
        mine = one.scan(QUICK)
        theirs = other.attach(mine.id)
        mine.wait(TIMEOUT_S)
        theirs.wait(TIMEOUT_S)
        assert mine.snapshot == theirs.snapshot


def test_a_watch_of_everything_shows_what_is_there_and_what_comes(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as triggering, scanwatch.connect(gateway.url) as watching:
        before = triggering.scan(QUICK).wait(TIMEOUT_S)
        feed = watching.feed()
        assert before.id in {snapshot.scan_id for snapshot in feed.snapshots()}
        after = triggering.scan(QUICK)
        until(lambda: feed.snapshots()[0].scan_id == after.id)
        until(lambda: feed.snapshots()[0].terminal and feed.snapshots()[0].target == "sim://acme/payments")
        assert feed.events(after.id, 1)[-1].seq == feed.snapshots()[0].seq


def test_an_asked_cancel_shows_cancelling_until_it_is_confirmed(client: scanwatch.Client) -> None:
    scan = client.scan(ENDLESS)
    seen: list[ScanStatus] = []
    end = client._core.listeners.on_change(scan.id, lambda: seen.append(scan.status))
    until(lambda: scan.snapshot.seq > 3)
    scan.cancel()
    scan.cancel()
    assert scan.wait(TIMEOUT_S).status is ScanStatus.CANCELLED
    end()
    assert ScanStatus.CANCELLING in seen
    assert seen.index(ScanStatus.CANCELLING) < seen.index(ScanStatus.CANCELLED)
    scan.cancel()
    with pytest.raises(scanwatch.ScanCancelled, match=scan.id):
        scan.result()


def test_a_retry_is_a_new_scan_that_knows_the_old_one(client: scanwatch.Client) -> None:
    scan = client.scan("sim://acme/broken?files=5&duration_s=0.1&fail=fetch&seed=1")
    with pytest.raises(scanwatch.ScanFailed) as failed:
        scan.result(TIMEOUT_S)
    assert len(failed.value.attempts) == 3
    assert failed.value.phase is scanwatch.Phase.FETCH
    again = scan.retry()
    assert again.id != scan.id
    assert again.wait(TIMEOUT_S).snapshot.retry_of == scan.id
    assert again.status is ScanStatus.FAILED


def test_a_wrong_token_is_refused_in_words() -> None:
    with run_gateway(token="right") as gateway:
        with pytest.raises(scanwatch.GatewayRefused, match="token"):
            scanwatch.connect(gateway.url, token="wrong")
        with scanwatch.connect(gateway.url, token=lambda: "right") as client:
            assert client.scan(QUICK).wait(TIMEOUT_S).status is ScanStatus.COMPLETED


def test_a_token_that_is_taken_back_ends_every_waiting() -> None:
    token = ["right"]
    with (
        run_gateway(token="right") as gateway,
        proxied(gateway.url) as proxy,
        scanwatch.connect(proxy.url, token=lambda: token[0]) as client,
    ):
        scan = client.scan(ENDLESS)
        token[0] = "stolen-since"
        proxy.cut()
        proxy.mend()
        with pytest.raises(scanwatch.GatewayRefused):
            scan.wait(TIMEOUT_S)
        assert scan.connection is ConnectionState.REFUSED
        assert "stolen-since" not in f"{client!r} {client.connection}"


def test_nothing_listens_there() -> None:
    with pytest.raises(scanwatch.GatewayUnreachable, match="scanwatch serve"):
        scanwatch.connect("http://127.0.0.1:9")


def test_closing_leaves_no_thread_and_scans_go_on(gateway: RunningGateway) -> None:
    before = set(threading.enumerate())
    client = scanwatch.connect(gateway.url)
    scan = client.scan(SECONDS)
    scan.on_event(lambda event: None)
    client.close()
    client.close()
    until(lambda: set(threading.enumerate()) <= before, 2)
    with pytest.raises(scanwatch.ConnectionClosed):
        scan.wait(1)
    with pytest.raises(scanwatch.ConnectionClosed, match="connect again"):
        client.scan(QUICK)
    assert scan.connection is ConnectionState.CLOSED
    with scanwatch.connect(gateway.url) as again:
        assert again.attach(scan.id).wait(TIMEOUT_S).status is ScanStatus.COMPLETED


def test_closing_while_the_gateway_is_away_takes_no_time(gateway: RunningGateway) -> None:
    with proxied(gateway.url) as proxy:
        client = scanwatch.connect(proxy.url)
        proxy.cut()
        until(lambda: client.connection.state is ConnectionState.RECONNECTING)
        begun = time.monotonic()
        client.close()
        assert time.monotonic() - begun < 2


def test_a_repository_is_registered_once_however_many_ask(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as one, scanwatch.connect(gateway.url) as other:
        target = "sim://acme/asked-at-once"
        threads = [threading.Thread(target=client.scan, args=(target,)) for client in (one, other, one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(one.repositories()["target"]).count(target) == 1
        assert len(other.scans(repository="acme/asked-at-once")) == 4


def test_a_repository_deleted_meanwhile_is_registered_again(client: scanwatch.Client) -> None:
    target = "sim://acme/deleted?files=5&duration_s=0.1"
    first = client.scan(target).wait(TIMEOUT_S)
    rest = client._core.driver.transport
    repository_id = first.snapshot.repository_id
    client._core.submit(lambda: rest._rest.ask("DELETE", f"api/v1/repositories/{repository_id}")).result()
    assert client.scan(target).wait(TIMEOUT_S).status is ScanStatus.COMPLETED
    with pytest.raises(scanwatch.NotFound):
        first.refresh()


def test_an_unknown_scan_and_a_malformed_id_are_told_apart(client: scanwatch.Client) -> None:
    with pytest.raises(scanwatch.NotFound):
        client.attach("00000000-0000-4000-8000-000000000000")
    with pytest.raises(scanwatch.UsageError, match="not the id of a scan"):
        client.attach("latest")
