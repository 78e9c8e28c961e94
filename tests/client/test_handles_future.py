"""A handle is what people know from futures: its end is told by exception, callback and await, on any loop.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

import scanwatch
from scanwatch import Phase, ScanStatus
from scanwatch.client import AsyncScan
from scanwatch.model import ConnectionState, FailureCode
from scanwatch.testing import Quirks, RunningGateway, ScriptedGateway, run_gateway
from tests.client.test_live import ENDLESS, QUICK, SECONDS, TIMEOUT_S, until

LIMITED = "sim://acme/limited?files=5&duration_s=0.1&fail=fetch:9:rate_limited&seed=1"
READ_WITHOUT_ASKING = (
    *("id", "target", "status", "phase", "progress_percent", "attempt", "eta_s", "elapsed_s", "last_event_age_s"),
    *("error", "connection", "snapshot"),
)


def test_a_failure_carries_phase_code_and_the_error_of_each_attempt(client: scanwatch.Client) -> None:
    scan = client.scan(LIMITED)
    failure = scan.exception(TIMEOUT_S)
    assert isinstance(failure, scanwatch.ScanFailed)
    assert (failure.scan_id, failure.phase, failure.code) == (scan.id, Phase.FETCH, FailureCode.RATE_LIMITED)
    assert [attempt.attempt for attempt in failure.attempts] == [1, 2, 3]
    assert all("refuses further requests" in attempt.error for attempt in failure.attempts)
    assert {attempt.code for attempt in failure.attempts} == {FailureCode.RATE_LIMITED}
    with pytest.raises(scanwatch.ScanFailed, match=scan.id):
        scan.result()
    assert not scan.cancelled()


def test_exception_is_what_result_would_raise(client: scanwatch.Client) -> None:
    completed, cancelled = client.scan(QUICK), client.scan(ENDLESS)
    assert completed.exception(TIMEOUT_S) is None
    with pytest.raises(TimeoutError, match="it goes on"):
        cancelled.exception(0.05)
    cancelled.cancel()
    assert isinstance(cancelled.exception(TIMEOUT_S), scanwatch.ScanCancelled)
    assert (completed.cancelled(), cancelled.cancelled()) == (False, True)


def test_a_done_callback_is_called_once_at_the_end_or_soon_after_it(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    called: list[tuple[str, scanwatch.Scan, bool]] = []
    scan.add_done_callback(lambda one: called.append(("early", one, one.done())))
    withdraw = scan.add_done_callback(lambda one: called.append(("withdrawn", one, one.done())))
    withdraw()
    withdraw()
    assert called == []
    scan.wait(TIMEOUT_S)
    scan.add_done_callback(lambda one: called.append(("late", one, one.done())))
    until(lambda: len(called) == 2)
    assert called == [("early", scan, True), ("late", scan, True)]
    until(lambda: not client._core.listeners._by_scan)
    with pytest.raises(scanwatch.UsageError, match="add_done_callback"):
        scan.add_done_callback("print")  # type: ignore[arg-type]


def test_a_done_callback_comes_where_no_event_ever_does() -> None:
    with ScriptedGateway(Quirks(events=False)) as gateway, scanwatch.connect(gateway.url) as client:
        ended = threading.Event()
        client.scan("https://git.example/acme/payments").add_done_callback(lambda _: ended.set())
        assert ended.wait(TIMEOUT_S)


def test_attributes_are_read_without_asking_anybody() -> None:
    with run_gateway() as gateway:
        client = scanwatch.connect(gateway.url)
        scan, ended = client.scan(SECONDS), client.scan(LIMITED)
        ended.wait(TIMEOUT_S)
        until(lambda: (scan.progress_percent or 0) > 20)
        client.close()
    known = {name: getattr(scan, name) for name in READ_WITHOUT_ASKING}
    assert known["connection"] is ConnectionState.CLOSED
    assert (known["status"], known["attempt"], known["error"]) == (ScanStatus.IN_PROGRESS, 1, None)
    assert None not in (known["eta_s"], known["elapsed_s"], known["last_event_age_s"])
    assert "refuses further requests" in str(ended.error)
    with pytest.raises(scanwatch.ConnectionClosed):
        scan.wait()


def test_times_are_told_by_the_clock_of_who_dated_the_events(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    assert (scan.elapsed_s, scan.eta_s) == (None, None), "nothing is known before it began"
    until(lambda: (scan.progress_percent or 0) > 30)
    began = scan.snapshot.started_at
    assert began is not None
    assert abs((datetime.now(UTC) - began).total_seconds() - (scan.elapsed_s or 0)) < 1
    first = scan.last_event_age_s
    assert first is not None
    scan.wait(TIMEOUT_S)
    took = scan.elapsed_s
    assert took == (scan.snapshot.finished_at - began).total_seconds()  # type: ignore[operator]
    assert scan.elapsed_s == took, "an ended scan ages no more"


async def test_handles_go_where_awaitables_go(gateway: RunningGateway, client: scanwatch.Client) -> None:
    async with scanwatch.AsyncClient(gateway.url) as awaiting:
        scans: list[Any] = [client.scan(QUICK), await awaiting.scan(QUICK)]
        assert [result.files for result in await asyncio.gather(*scans)] == [20, 20]
        assert (await asyncio.wait_for(scans[1], TIMEOUT_S)).files == 20
        failing = await awaiting.scan(LIMITED)
        completed, failed = await asyncio.gather(scans[0], failing, return_exceptions=True)
        assert completed.files == 20
        assert isinstance(failed, scanwatch.ScanFailed)
        assert isinstance(await failing.exception(), scanwatch.ScanFailed)
        assert await scans[1].exception(TIMEOUT_S) is None
        ended: list[AsyncScan] = []
        failing.add_done_callback(ended.append)
        while not ended:
            await asyncio.sleep(0.01)
        assert ended == [failing]


def test_a_handle_is_awaited_on_loops_that_did_not_make_it_two_at_once(gateway: RunningGateway) -> None:
    client = scanwatch.AsyncClient(gateway.url)
    try:
        scan = asyncio.run(client.scan(SECONDS))

        async def follow() -> tuple[int, int]:
            count = 0
            async for _ in scan:
                count += 1
            return (await scan).files or 0, count

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(lambda _: asyncio.run(follow()), range(2)))
        assert outcomes == [(60, scan.snapshot.seq)] * 2
    finally:
        asyncio.run(client.close())


def test_a_loop_that_is_closed_while_it_waits_harms_nobody(client: scanwatch.Client) -> None:
    scan = client.scan(SECONDS)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(scan, 0.05))
    assert scan.wait(TIMEOUT_S).done()
    assert not client._core.listeners._by_scan


def test_the_next_that_ended_can_be_asked_for(client: scanwatch.Client) -> None:
    slow, quick = client.scan(SECONDS), client.scan(QUICK)
    ends = scanwatch.as_completed([slow, quick, quick], timeout=TIMEOUT_S)
    assert next(ends) == quick
    assert list(ends) == [slow]
    assert list(ends) == []
    with pytest.raises(StopIteration):
        next(ends)


def test_waiting_for_a_scan_its_gateway_forgot_says_so(client: scanwatch.Client) -> None:
    with (
        ScriptedGateway(Quirks(events=False, failures=9, retry_s=60)) as gateway,
        scanwatch.connect(gateway.url) as other,
    ):
        scan = other.scan("https://git.example/acme/payments")
        until(lambda: scan.id in gateway.scan_ids)
        gateway.forget(scan.id)
        ends = scanwatch.as_completed([scan], timeout=TIMEOUT_S)
        with pytest.raises(scanwatch.NotFound, match=scan.id):
            next(ends)
        assert scanwatch.wait([scan], TIMEOUT_S) == (set(), {scan})
