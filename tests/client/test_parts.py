"""The parts of a client do what they promise: pauses, times, waiting, listeners, the background loop.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scanwatch.client import _loop
from scanwatch.client._address import parse_address
from scanwatch.client._listeners import Callbacks, Listeners
from scanwatch.client._live._rest import Rest
from scanwatch.client._pace import LONGEST_PAUSE_S, Backoff
from scanwatch.client._timing import elapsed_s, gateway_time
from scanwatch.client._waiting import await_until, block_on, wait_until
from scanwatch.errors import ConnectionClosed
from scanwatch.model import Phase, ScanStatus
from scanwatch.snapshot import Snapshot, apply_all
from tests.events import ours, ours_end
from tests.strategies import SCAN_ID, START


def test_pauses_grow_to_a_limit_and_are_spread() -> None:
    longest, shortest = Backoff(lambda: 1.0), Backoff(lambda: 0.0)
    pauses = [longest.next_pause_s() for _ in range(12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.5, LONGEST_PAUSE_S)
    assert [shortest.next_pause_s() for _ in range(12)] == [pause / 2 for pause in pauses]
    longest.reset()
    assert longest.next_pause_s() == 0.5


def test_elapsed_time_does_not_depend_on_the_gateways_clock() -> None:
    running = apply_all(Snapshot(SCAN_ID), [ours(1), ours(4)])
    tomorrow = START + timedelta(days=1)
    assert elapsed_s(running, gateway_time(running, 2.0, tomorrow)) == 5.0
    assert elapsed_s(Snapshot(SCAN_ID), tomorrow) is None
    polled = Snapshot(SCAN_ID, status=ScanStatus.IN_PROGRESS, started_at=START)
    assert elapsed_s(polled, gateway_time(polled, None, START + timedelta(seconds=7))) == 7.0


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Date": "Thu, 26 Nov 2026 13:00:00 GMT"}, [datetime(2026, 11, 26, 13, 0, 0, 500_000, tzinfo=UTC)]),
        ({"Date": "Thu, 26 Nov 2026 13:00:00 GMT", "Age": "90"}, []),
        ({"Date": "yesterday"}, []),
    ],
    ids=["fresh", "from a cache", "nonsense"],
)
async def test_an_answer_tells_what_time_it_is_there(headers: dict[str, str], told: list[datetime]) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    heard: list[datetime] = []
    async with TestServer(app) as server:
        rest = Rest(parse_address(str(server.make_url("/"))))
        rest.heed_dates(heard.append)
        await rest.get("health")
        await rest.close()
    assert heard == told


def test_what_a_scan_took_does_not_grow_after_its_end() -> None:
    ended = apply_all(Snapshot(SCAN_ID), [ours(1, Phase.DISCOVERY, 0), ours(6, Phase.PARSE), ours_end(9)])
    assert elapsed_s(ended, gateway_time(ended, 99.0, START)) == 8.0


def test_waiting_looks_at_once_and_when_woken() -> None:
    wakes: list[object] = []
    begun = time.monotonic()
    assert wait_until(lambda: True, lambda wake: wakes.append(wake) or wakes.clear, 0)  # type: ignore[func-returns-value]
    assert not wait_until(lambda: False, lambda _: lambda: None, 0.01)
    assert time.monotonic() - begun < 10  # a bound against hanging
    assert wakes == []


async def test_awaiting_is_woken_from_another_thread() -> None:
    done = threading.Event()
    timers: list[threading.Timer] = []

    def arm(wake: object) -> object:
        timers.append(threading.Timer(0.01, lambda: (done.set(), wake())))  # type: ignore[operator]
        timers[0].start()
        return lambda: None

    begun = time.monotonic()
    assert await await_until(done.is_set, arm, 5)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 0.15, "without waiting for the next slice"
    timers[0].join()


def test_a_listener_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    listeners, told = Listeners(), []

    def fails(scan_id: str | None) -> None:
        raise RuntimeError("a listener's own mistake")

    listeners.on_any_change(fails)
    end = listeners.on_any_change(told.append)
    listeners.changed("a")
    end()
    end()
    listeners.changed("b")
    assert told == ["a"]
    assert "a listener's own mistake" in caplog.text


def test_who_waits_for_one_scan_is_woken_by_it_and_by_the_connection() -> None:
    listeners, woken = Listeners(), []
    end = listeners.on_change("a", lambda: woken.append("a"))
    listeners.on_change("b", lambda: woken.append("b"))
    listeners.changed("a")
    listeners.changed(None)
    end()
    listeners.changed("a")
    assert woken == ["a", "a", "b"]


def test_callbacks_run_one_after_the_other_on_a_thread_of_their_own() -> None:
    callbacks, seen = Callbacks(), []
    for seq in range(1, 20):
        callbacks.call(lambda event: seen.append((event.seq, threading.current_thread().name)), ours(seq), lambda: True)
    callbacks.call(lambda event: seen.append("unwanted"), ours(20), lambda: False)
    callbacks.close()
    callbacks.call(lambda event: seen.append("late"), ours(21), lambda: True)
    assert seen == [(seq, "scanwatch-callbacks") for seq in range(1, 20)]


def test_the_loop_thread_is_shared_and_ends_with_its_last_user() -> None:
    one, other = _loop.acquire(), _loop.acquire()
    assert one is other
    _loop.release(one)
    assert one.usable
    _loop.release(other)
    assert not one.usable
    with pytest.raises(ConnectionClosed):
        one.call(lambda: None)


def test_work_on_the_loop_sees_nothing_of_the_cell_that_began_it() -> None:
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    cell.set("In [3]")

    async def look() -> str:
        return cell.get()

    thread = _loop.acquire()
    try:
        assert block_on(thread.submit(look)) == "none"
    finally:
        _loop.release(thread)


def test_a_timeout_raised_by_the_work_itself_reaches_the_caller() -> None:
    async def fails() -> None:
        raise TimeoutError("the gateway's")

    thread = _loop.acquire()
    try:
        with pytest.raises(TimeoutError, match="the gateway's"):
            block_on(thread.submit(fails))
    finally:
        _loop.release(thread)


def test_cancelling_what_was_submitted_cancels_the_work() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    thread = _loop.acquire()
    try:
        outcome = thread.submit(work)
        assert begun.wait(5)
        outcome.cancel()
        assert ended.wait(5)
    finally:
        _loop.release(thread)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_after_a_fork_the_child_gets_a_loop_of_its_own() -> None:
    thread = _loop.acquire()
    try:
        pid = os.fork()
        if pid == 0:  # the child: no assertion may unwind into pytest
            try:
                own = _loop.acquire()
                works = own is not thread and not thread.usable and own.usable
                _loop.release(own)
                os._exit(0 if works else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert thread.usable
    finally:
        _loop.release(thread)
