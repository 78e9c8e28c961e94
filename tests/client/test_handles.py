"""A handle is a future: waited for, awaited, iterated, called back, by both faces with the same names.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import threading
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from ipywidgets import Widget

import scanwatch
from scanwatch import ScanStatus
from scanwatch.client import FIRST_COMPLETED, FIRST_EXCEPTION, AsyncBatch, AsyncScan, Batch
from scanwatch.model import Event, EventKind
from scanwatch.testing import RunningGateway
from tests.client.test_live import ENDLESS, QUICK, SECONDS, TIMEOUT_S, until

FAILING = "sim://acme/broken?files=5&duration_s=0.1&fail=fetch&seed=1"


@pytest.fixture(autouse=True)
def no_panel_stays_open() -> Iterator[None]:
    yield
    Widget.close_all()


def public(kind: type) -> dict[str, inspect.Signature | None]:
    """The public names of a class, with the parameters of its methods."""
    names = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {name: _parameters(value) if callable(value) else None for name, value in names.items()}


def _parameters(function: object) -> inspect.Signature:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)


@pytest.mark.parametrize(
    ("blocking", "awaiting"),
    [(scanwatch.Scan, AsyncScan), (scanwatch.Client, scanwatch.AsyncClient), (Batch, AsyncBatch)],
)
def test_both_faces_have_the_same_names_and_parameters(blocking: type, awaiting: type) -> None:
    assert public(blocking) == public(awaiting)


# -- blocking ------------------------------------------------------------------------------------------------------


def test_scan_returns_at_once_and_wait_returns_the_handle(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    assert not scan.done()
    assert scan.wait(TIMEOUT_S) is scan
    assert scan.done()


def test_result_is_the_result_or_says_why_there_is_none(client: scanwatch.Client) -> None:
    completed, failing = client.scan(QUICK), client.scan(FAILING)
    assert completed.result(TIMEOUT_S).files == 20
    with pytest.raises(scanwatch.ScanFailed, match="fetch") as failed:
        failing.result(TIMEOUT_S)
    assert failed.value.scan_id == failing.id
    assert completed.error is None
    assert failing.error is not None


def test_a_wait_that_runs_out_leaves_the_scan_running(client: scanwatch.Client) -> None:
    scan = client.scan(ENDLESS)
    with pytest.raises(TimeoutError, match="it goes on"):
        scan.wait(0.05)
    until(lambda: scan.status is ScanStatus.IN_PROGRESS)
    scan.cancel()
    scan.wait(TIMEOUT_S)


@pytest.mark.parametrize("timeout", ["5", float("nan"), -1, True, b"x"])
async def test_a_timeout_that_is_no_number_of_seconds_is_refused_by_both_faces(
    gateway: RunningGateway, client: scanwatch.Client, timeout: float
) -> None:
    scan = client.scan(QUICK)
    for blocking in (
        scan.wait,
        scan.result,
        lambda timeout: next(scan.stream(timeout)),
        lambda timeout: scanwatch.wait([scan], timeout),
        lambda timeout: scanwatch.as_completed([scan], timeout=timeout),
    ):
        with pytest.raises(scanwatch.UsageError, match="timeout is"):
            blocking(timeout)  # type: ignore[operator]
    async with scanwatch.AsyncClient(gateway.url) as other:
        attached = await other.attach(scan.id)
        for awaiting in (attached.wait, attached.result, lambda timeout: anext(attached.stream(timeout))):
            with pytest.raises(scanwatch.UsageError, match="timeout is"):
                await awaiting(timeout)  # type: ignore[operator]


@pytest.mark.parametrize("timeout", [Fraction(1, 20), np.float32(0.05), np.int64(0)])
def test_any_number_of_seconds_is_a_timeout(client: scanwatch.Client, timeout: float) -> None:
    scan = client.scan(SECONDS)
    with pytest.raises(TimeoutError, match=f"within {float(timeout):g} s; it goes on"):
        scan.wait(timeout)
    with pytest.raises(TimeoutError, match="they go on"):
        next(scanwatch.as_completed([scan], timeout=timeout))
    with pytest.raises(TimeoutError, match="had no event"):
        list(scan.stream(timeout))
    assert scan.wait(10**400).done(), "there is no limit either"


async def test_what_is_no_scan_is_refused_by_both_faces(gateway: RunningGateway, client: scanwatch.Client) -> None:
    async with scanwatch.AsyncClient(gateway.url) as other:
        for nothing in (None, b"x", 7):
            with pytest.raises(scanwatch.UsageError, match="scan_id is"):
                client.attach(nothing)  # type: ignore[arg-type]
            with pytest.raises(scanwatch.UsageError, match="scan_id is"):
                await other.attach(nothing)  # type: ignore[arg-type]
            with pytest.raises(scanwatch.UsageError, match="target"):
                client.scan(nothing)  # type: ignore[arg-type]
            with pytest.raises(scanwatch.UsageError, match="target"):
                await other.scan(nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize("scans", [None, 7, ["an-id"], [None]])
def test_waiting_for_several_takes_handles(scans: list[scanwatch.Scan]) -> None:
    for function in (scanwatch.wait, scanwatch.as_completed):
        with pytest.raises(scanwatch.UsageError, match="takes scans as a list"):
            function(scans)


def test_several_threads_wait_for_one_scan(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    ended: list[bool] = []
    threads = [threading.Thread(target=lambda: ended.append(scan.wait(TIMEOUT_S).done())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 5


def test_reading_a_handle_tells_where_the_scan_stands(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    assert (scan.target, scan.eta_s, scan.connection) == ("sim://acme/ledger", None, "live")
    until(lambda: (scan.progress_percent or 0) > 20)
    assert scan.phase in set(scanwatch.Phase)
    assert 0 < (scan.eta_s or 0) < 20
    assert 0 < (scan.elapsed_s or 0) < 20
    assert 0 <= (scan.last_event_age_s if scan.last_event_age_s is not None else -1) < 5
    scan.wait(TIMEOUT_S)
    assert (scan.progress_percent, scan.eta_s, scan.attempt) == (100, None, 1)
    assert scan.elapsed_s == scan.snapshot.duration_s


def test_stream_gives_every_event_in_order_and_ends(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    events = list(scan.stream(timeout=TIMEOUT_S))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].kind is EventKind.COMPLETE
    assert list(scan.stream()) == events, "an ended scan can be streamed again"


def test_a_stream_says_when_no_event_comes_in_time(client: scanwatch.Client) -> None:
    scan = client.scan("sim://acme/stalled?files=5&duration_s=0.1&stall=fetch")
    with pytest.raises(TimeoutError, match="no event"):
        for _ in scan.stream(timeout=0.3):
            pass
    scan.cancel()
    scan.wait(TIMEOUT_S)


def test_a_callback_gets_every_event_once_whenever_it_is_registered(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    early: list[Event] = []
    late: list[Event] = []
    scan.on_event(early.append)
    scan.wait(TIMEOUT_S)
    scan.on_event(late.append)
    until(lambda: len(late) == len(early) == scan.snapshot.seq)
    assert early == late == list(scan.stream())


def test_a_callback_may_ask_the_client_and_one_that_fails_stops_nothing(
    client: scanwatch.Client, caplog: pytest.LogCaptureFixture
) -> None:
    scan = client.scan(QUICK)
    lengths: list[int] = []

    def callback(event: Event) -> None:
        if event.terminal:
            lengths.append(len(scan.events()))
        raise RuntimeError("a callback's own mistake")

    scan.on_event(callback)
    scan.wait(TIMEOUT_S)
    until(lambda: bool(lengths))
    assert lengths == [scan.snapshot.seq]
    until(lambda: len(caplog.records) == scan.snapshot.seq)
    assert "a callback's own mistake" in caplog.text


def test_a_callback_can_be_ended(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    heard: list[Event] = []
    end = scan.on_event(heard.append)
    until(lambda: bool(heard))
    end()
    end()
    count = len(heard)
    scan.wait(TIMEOUT_S)
    assert len(heard) <= count + 1


def test_as_completed_gives_scans_in_the_order_of_their_ends(client: scanwatch.Client) -> None:
    slow, quick = client.scan(SECONDS), client.scan(QUICK)
    assert list(scanwatch.as_completed([slow, quick], timeout=TIMEOUT_S)) == [quick, slow]


def test_as_completed_says_how_many_have_not_ended_in_time(client: scanwatch.Client) -> None:
    scan = client.scan(ENDLESS)
    with pytest.raises(TimeoutError, match="1 of 1 scans have not ended"):
        list(scanwatch.as_completed([scan], timeout=0.05))
    scan.cancel()
    scan.wait(TIMEOUT_S)


def test_wait_returns_when_it_is_told_to(client: scanwatch.Client) -> None:
    endless, quick, failing = client.scan(ENDLESS), client.scan(QUICK), client.scan(FAILING)
    assert scanwatch.wait([endless, quick], TIMEOUT_S, return_when=FIRST_COMPLETED).done == {quick}
    assert failing in scanwatch.wait([endless, failing], TIMEOUT_S, return_when=FIRST_EXCEPTION).done
    assert scanwatch.wait([endless], timeout=0.05) == (set(), {endless})
    endless.cancel()
    assert scanwatch.wait([endless, quick, failing], TIMEOUT_S).not_done == set()
    with pytest.raises(scanwatch.UsageError, match="FIRST_COMPLETED"):
        scanwatch.wait([quick], return_when="SOON")


def test_tables_of_a_scan_hold_every_page(client: scanwatch.Client) -> None:
    scan = client.scan("sim://acme/large?files=700&duration_s=0.2&seed=3").wait(TIMEOUT_S)
    assert len(scan.artifacts()) == scan.result().artifacts
    assert len(scan.artifacts()) > 100, "more than one page"
    assert len(scan.findings()) == scan.result().findings
    assert list(scan.events()["seq"]) == list(range(1, scan.snapshot.seq + 1))


def test_a_handle_shows_a_card_in_a_notebook_and_a_plain_name_elsewhere(client: scanwatch.Client) -> None:
    scan = client.scan(ENDLESS)
    assert repr(scan) == "<Scan acme/slow>"
    bundle = scan._repr_mimebundle_()
    view = bundle[0] if isinstance(bundle, tuple) else bundle
    assert view["text/plain"] == "<Scan acme/slow>"
    assert "application/vnd.jupyter.widget-view+json" in view
    assert "acme/slow" in view["text/html"]
    scan.cancel()
    scan.wait(TIMEOUT_S)


def test_a_misspelt_option_of_a_panel_is_named(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    with pytest.raises(scanwatch.UsageError, match="'compact'"):
        client.watch(scan, compct=True)
    with pytest.raises(scanwatch.UsageError, match="an argument of its own"):
        client.watch([scan])  # type: ignore[arg-type]
    assert repr(client.watch(scan, compact=True)) == "<Panel of 1 scan>"


def test_a_panels_wishes_reach_the_gateway_and_its_trouble_is_shown(client: scanwatch.Client) -> None:
    scan = client.scan(ENDLESS)
    feed = client.feed(scan)
    feed.cancel(scan.id)
    assert scan.wait(TIMEOUT_S).status is ScanStatus.CANCELLED
    feed.trigger(QUICK, {})
    until(lambda: len(feed.snapshots()) == 2)
    feed.retry(scan.id)
    until(lambda: len(feed.snapshots()) == 3)
    feed.cancel(feed.snapshots()[0].scan_id)
    told = threading.Event()
    end = feed.on_change(lambda scan_id: told.set() if scan_id is None else None)
    feed.trigger("./no/such/checkout", {})
    assert told.wait(5)
    end()
    assert "no/such/checkout" in str(feed.trouble())


def test_a_handle_cannot_be_pickled_and_says_what_to_do_instead(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"client\.attach"):
            way(scan)


def test_options_reach_the_scanner_and_a_repeated_one_is_refused(client: scanwatch.Client) -> None:
    assert client.scan("sim://acme/few", files=3, duration_s=0.1).result(TIMEOUT_S).files == 3
    with pytest.raises(scanwatch.UsageError, match="twice"):
        client.scan("sim://acme/few?files=3", files=4)


# -- awaiting ------------------------------------------------------------------------------------------------------


async def test_the_awaiting_client_does_the_same(gateway: RunningGateway) -> None:
    async with scanwatch.AsyncClient(gateway.url) as client:
        scan = await client.scan(QUICK)
        assert [event.seq async for event in scan] == list(range(1, scan.snapshot.seq + 1))
        assert (await scan).files == 20
        assert await scan.wait(TIMEOUT_S) is scan
        assert (await client.attach(scan.id)) == scan
        assert len(await scan.events()) == scan.snapshot.seq
        assert len(await scan.artifacts()) == (await scan.result()).artifacts
        assert len(await scan.findings()) == (await scan.result()).findings
        assert scan.id in (await client.scans()).index
        assert "acme/payments" in set((await client.repositories())["name"])
        assert repr(await client.watch(scan)) == "<Panel of 1 scan>"
        endless = await client.scan(ENDLESS)
        await endless.cancel()
        assert (await endless.wait(TIMEOUT_S)).status is ScanStatus.CANCELLED
        again = await endless.retry()
        await again.cancel()
        with pytest.raises(scanwatch.ScanCancelled):
            await again
        assert [ended async for ended in scanwatch.as_completed([again, scan], timeout=TIMEOUT_S)]


async def test_cancelling_who_awaits_a_scan_cancels_nobody_else(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)

    async def await_it() -> object:
        return await scan

    one, other = asyncio.create_task(await_it()), asyncio.create_task(await_it())
    await asyncio.sleep(0.05)
    one.cancel()
    assert (await other) == scan.result()
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_a_blocking_clients_scan_can_be_awaited_and_iterated(client: scanwatch.Client) -> None:
    scan = client.scan(QUICK)
    events = [event async for event in scan]
    assert events[-1].kind is EventKind.COMPLETE
    assert (await scan).scan_id == scan.id


async def test_an_await_that_runs_out_leaves_the_scan_running(gateway: RunningGateway) -> None:
    async with scanwatch.AsyncClient(gateway.url) as client:
        scan = await client.scan(ENDLESS)
        with pytest.raises(TimeoutError):
            await scan.wait(timeout=0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scan.wait(), 0.05)
        assert not scan.done()
        await scan.cancel()
        await scan.wait(TIMEOUT_S)


async def test_entering_a_client_of_nobody_says_so_and_leaves_nothing_behind() -> None:
    with pytest.raises(scanwatch.GatewayUnreachable, match="Nothing answers"):
        async with scanwatch.AsyncClient("http://127.0.0.1:9"):
            pass
