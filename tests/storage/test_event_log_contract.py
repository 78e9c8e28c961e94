"""Every store keeps the six rules of the event log, however many write at once.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from scanwatch.errors import (
    Fenced,
    ScanEnded,
    UnknownRecord,
    UsageError,
)
from scanwatch.model import (
    Event,
    FailureCode,
    ScanOutcome,
    ScanRequest,
    ScanStatus,
    Turn,
)
from scanwatch.snapshot import apply_all, new_snapshot
from scanwatch.storage import Store
from tests.storage.records import begin, complete, failed, fetching, queued, repository

# Rule 1: seq


async def test_events_are_numbered_from_one_without_gap_in_each_scan(store: Store) -> None:
    await begin(store, "a")
    await begin(store, "b")
    given = [await store.append(fetching(scan, done=i)) for i in range(3) for scan in ("a", "b")]
    assert [event.seq for event in given] == [2, 2, 3, 3, 4, 4]
    for scan in ("a", "b"):
        assert [event.seq for event in await store.events(scan)] == [1, 2, 3, 4]


async def test_a_seq_the_caller_gives_is_not_believed(store: Store) -> None:
    await begin(store)
    assert (await store.append(replace(fetching(), seq=77))).seq == 2


async def test_fifty_writers_at_once_leave_no_gap_and_no_repeat(store: Store) -> None:
    scans = [f"scan-{i}" for i in range(5)]
    for scan in scans:
        await begin(store, scan)
    heard: list[Event] = []
    store.listen(heard.extend)

    async def write(writer: int) -> list[Event]:
        scan = scans[writer % 5]
        return [await store.append(fetching(scan, done=writer * 100 + i), key=f"{writer}-{i}") for i in range(10)]

    given = [event for events in await asyncio.gather(*map(write, range(50))) for event in events]
    for scan in scans:
        own = sorted((event for event in given if event.scan_id == scan), key=lambda event: event.seq or 0)
        assert [event.seq for event in own] == list(range(2, 102))
        assert (await store.events(scan))[1:] == own
        assert [event for event in heard if event.scan_id == scan] == own


async def test_ten_thousand_events_of_one_scan_are_all_there_in_order(store: Store) -> None:
    await begin(store)
    await asyncio.gather(*(store.append(fetching(done=i)) for i in range(10_000)))
    kept: list[Event] = []
    while page := await store.events("scan", after=len(kept), limit=4_000):
        kept += page
    assert [event.seq for event in kept] == list(range(1, 10_002))
    assert [event.files_processed for event in kept[1:]] == list(range(10_000))


# Rule 2: durable, with the snapshot after it


async def test_the_snapshot_is_the_one_after_the_last_event(store: Store) -> None:
    await begin(store)
    asked = await store.request("scan")
    retrying = replace(
        queued(time=3), turn=Turn.RETRYING, attempt=2, error="rate limited", code=FailureCode.RATE_LIMITED
    )
    for event in (fetching(done=7), retrying, fetching(done=9, time=4), complete()):
        await store.append(event)
        assert await store.snapshot("scan") == apply_all(new_snapshot(asked), await store.events("scan"))
    assert (await store.snapshot("scan")).status is ScanStatus.COMPLETED


async def test_an_event_comes_back_as_it_was_given(store: Store) -> None:
    await begin(store)
    elsewhere = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-7)))
    event = replace(
        fetching(),
        time=elsewhere,
        step="Fetching",
        message="Größe \N{SNOWMAN} \0 \N{MUSICAL SYMBOL G CLEF} \"'; DROP TABLE events; --",
        current_file="übung/файл.md",
        turn=Turn.RESTARTED,
        merged_from=2,
    )
    given = await store.append(event, key="\N{SNOWMAN}")
    assert given == replace(event, seq=2)
    assert (await store.events("scan"))[1] == given


async def test_a_request_comes_back_as_it_was_given(store: Store) -> None:
    await store.create_repository(repository())
    asked = ScanRequest("scan", "repo", "sim://ümlaut", {"seed": 7, "deep": {"list": [1, None, "ü"]}}, "Zoë", "old")
    await store.create_scan(asked, queued())
    assert await store.request("scan") == asked


# Rule 3: repeats


async def test_a_repeated_key_changes_nothing_and_returns_the_earlier_event(store: Store) -> None:
    await begin(store)
    run = await store.begin_run("scan")
    first = await store.append(fetching(done=1), run=run, key="1")
    await store.append(fetching(done=2), run=run, key="2")
    assert await store.append(fetching(done=99), run=run, key="1") == first
    assert len(await store.events("scan")) == 3
    assert (await store.snapshot("scan")).files_processed == 2


async def test_the_same_key_in_a_newer_run_or_another_scan_is_new(store: Store) -> None:
    await begin(store, "a")
    await begin(store, "b")
    for expected in (2, 3):
        run = await store.begin_run("a")
        assert (await store.append(fetching("a"), run=run, key="1")).seq == expected
    assert (await store.append(fetching("b"), key="1")).seq == 2


async def test_a_repeated_terminal_append_returns_the_end_it_made(store: Store) -> None:
    await begin(store)
    run = await store.begin_run("scan")
    end = await store.append(complete(), run=run, key="end")
    assert await store.append(complete(time=20), run=run, key="end") == end


async def test_a_key_used_twice_at_the_same_moment_makes_one_event(store: Store) -> None:
    await begin(store)
    given = await asyncio.gather(*(store.append(fetching(done=i), key="same") for i in range(10)))
    assert {event.seq for event in given} == {2}
    assert len(await store.events("scan")) == 2


async def test_appends_without_a_key_are_never_repeats(store: Store) -> None:
    await begin(store)
    assert [(await store.append(fetching())).seq for _ in range(3)] == [2, 3, 4]


# Rule 4: fencing


async def test_an_append_by_an_older_run_is_fenced(store: Store) -> None:
    await begin(store)
    old = await store.begin_run("scan")
    await store.append(fetching(), run=old, key="1")
    new = await store.begin_run("scan")
    assert (old, new) == (1, 2)
    for key in ("1", "2", None):
        with pytest.raises(Fenced, match="scan was taken over by run 2"):
            await store.append(fetching(done=5), run=old, key=key)
    assert (await store.append(fetching(done=6), run=new, key="1")).seq == 3


async def test_a_claim_that_the_queue_counted_earlier_comes_too_late(store: Store) -> None:
    await begin(store)
    assert await store.begin_run("scan", 4) == 4
    await store.append(fetching(), run=4, key="1")
    with pytest.raises(Fenced, match="scan was taken over by run 4"):
        await store.begin_run("scan", 3)
    assert await store.begin_run("scan", 4) == 4
    assert (await store.append(fetching(done=2), run=4, key="2")).seq == 3
    assert await store.begin_run("scan") == 5


async def test_run_zero_appends_whoever_runs_the_scan(store: Store) -> None:
    await begin(store)
    await store.begin_run("scan")
    cancelling = replace(queued(time=2), turn=Turn.CANCELLING)
    assert (await store.append(cancelling, key="cancel")).seq == 2
    assert (await store.append(cancelling, key="cancel")).seq == 2
    assert (await store.snapshot("scan")).status is ScanStatus.CANCELLING


async def test_a_run_that_was_never_begun_may_not_append(store: Store) -> None:
    await begin(store)
    with pytest.raises(UsageError, match="Run 3 of scan scan was never begun"):
        await store.append(fetching(), run=3)


# Rule 5: nothing after the end


@pytest.mark.parametrize("end", [complete(), failed(), failed(code=FailureCode.CANCELLED)])
async def test_nothing_follows_the_terminal_event(store: Store, end: Event) -> None:
    await begin(store)
    run = await store.begin_run("scan")
    await store.append(end, run=run, key="end")
    with pytest.raises(ScanEnded, match="scan has ended"):
        await store.append(fetching(), run=run, key="late")
    with pytest.raises(ScanEnded):
        await store.append(failed())
    with pytest.raises(ScanEnded):
        await store.begin_run("scan")
    with pytest.raises(ScanEnded):
        await store.save_outcome("scan", ScanOutcome(), run=run)
    assert [event.seq for event in await store.events("scan")] == [1, 2]


async def test_of_many_ends_at_once_one_wins(store: Store) -> None:
    await begin(store)
    answers = await asyncio.gather(*(store.append(failed(time=i)) for i in range(10)), return_exceptions=True)
    assert [isinstance(answer, Event) for answer in answers] == [True] + [False] * 9
    assert all(isinstance(answer, ScanEnded) for answer in answers[1:])


# Rule 6: listeners


async def test_listeners_hear_every_event_once_in_order_before_the_append_returns(store: Store) -> None:
    heard: list[Event] = []
    store.listen(heard.extend)
    await begin(store)
    for i in range(3):
        given = await store.append(fetching(done=i), key=str(i))
        assert heard[-1] == given
    await store.append(fetching(done=0), key="0")
    await store.append(complete())
    with pytest.raises(ScanEnded):
        await store.append(fetching())
    assert heard == await store.events("scan")


async def test_what_a_listener_hears_is_in_the_store_already(store: Store) -> None:
    reads: list[asyncio.Task[list[Event]]] = []
    store.listen(lambda events: reads.append(asyncio.create_task(store.events("scan", after=(events[0].seq or 0) - 1))))
    await begin(store)
    await store.append(fetching())
    assert [next(event.seq for event in events) for events in await asyncio.gather(*reads)] == [1, 2]


async def test_a_listener_that_left_hears_nothing_more(store: Store) -> None:
    await begin(store)
    stayed: list[Event] = []
    left: list[Event] = []
    store.listen(stayed.extend)
    leave = store.listen(left.extend)
    await store.append(fetching())
    leave()
    leave()
    await store.append(complete())
    assert (len(stayed), len(left)) == (2, 1)


async def test_a_listener_that_raises_is_reported_and_costs_nobody_an_event(store: Store) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    heard: list[Event] = []
    fault = RuntimeError("a bad listener")

    def raising(events: Sequence[Event]) -> None:
        raise fault

    store.listen(raising)
    store.listen(heard.extend)
    await begin(store)
    await store.append(fetching())
    assert [event.seq for event in heard] == [1, 2]
    assert reported == [fault, fault]


# A refusal concerns its own call alone


async def test_a_refused_append_costs_its_neighbours_nothing(store: Store) -> None:
    for scan in ("good", "ended", "fenced"):
        await begin(store, scan)
    await store.append(complete("ended"))
    await store.begin_run("fenced")
    await store.begin_run("fenced")
    answers = await asyncio.gather(
        store.append(fetching("good", done=1)),
        store.append(fetching("ended")),
        store.append(fetching("good", done=2)),
        store.append(fetching("fenced"), run=1),
        store.append(fetching("nobody")),
        store.append(replace(fetching("good"), time=datetime(2026, 1, 1))),  # noqa: DTZ001  the fault under test
        store.append(fetching("good", done=3)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Event, ScanEnded, Event, Fenced, UnknownRecord, UsageError, Event]
    assert [event.files_processed for event in (await store.events("good"))[1:]] == [1, 2, 3]
    assert (await store.snapshot("good")).seq == 4


async def test_a_cancelled_append_disturbs_nobody(store: Store) -> None:
    await begin(store)
    tasks = [asyncio.create_task(store.append(fetching(done=i), key=str(i))) for i in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(answer, Event) for answer in answers) == 19
    repeated = await store.append(fetching(done=3), key="3")
    assert repeated in await store.events("scan")
    assert len(await store.events("scan")) == 21


# Reading events


async def test_events_are_read_after_a_cursor_up_to_a_limit(store: Store) -> None:
    await begin(store)
    for i in range(9):
        await store.append(fetching(done=i))
    assert [event.seq for event in await store.events("scan", after=3, limit=4)] == [4, 5, 6, 7]
    assert await store.events("scan", after=10) == []
    assert await store.events("scan", limit=0) == []
    assert await store.events("nobody") == []
    with pytest.raises(UsageError, match="after cannot be negative"):
        await store.events("scan", after=-1)
