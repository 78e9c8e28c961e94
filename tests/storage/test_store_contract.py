"""Every store keeps the rules of the event log, and gives the same answers about scans, repositories and results.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from scanwatch.errors import (
    DuplicateRecord,
    Fenced,
    ScanEnded,
    StoreError,
    UnknownRecord,
    UsageError,
)
from scanwatch.model import (
    Artifact,
    Event,
    FailureCode,
    Finding,
    ScanOutcome,
    ScanRequest,
    ScanStatus,
    Turn,
)
from scanwatch.snapshot import apply_all, new_snapshot
from scanwatch.storage import ScanFilter, Store
from tests.storage.records import START, at, begin, complete, failed, fetching, queued, repository, request

ALL = ScanFilter()


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
    store.listen(heard.append)

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
    store.listen(heard.append)
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
    store.listen(
        lambda event: reads.append(asyncio.create_task(store.events(event.scan_id, after=(event.seq or 0) - 1)))
    )
    await begin(store)
    await store.append(fetching())
    assert [next(event.seq for event in events) for events in await asyncio.gather(*reads)] == [1, 2]


async def test_a_listener_that_left_hears_nothing_more(store: Store) -> None:
    await begin(store)
    stayed: list[Event] = []
    left: list[Event] = []
    store.listen(stayed.append)
    leave = store.listen(left.append)
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

    def raising(event: Event) -> None:
        raise fault

    store.listen(raising)
    store.listen(heard.append)
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


# Scans


async def test_a_new_scan_has_its_first_event_and_is_queued(store: Store) -> None:
    await store.create_repository(repository())
    first = await store.create_scan(request(by="ann"), queued())
    assert first == replace(queued(), seq=1)
    snapshot = await store.snapshot("scan")
    assert (snapshot.status, snapshot.seq, snapshot.created_at) == (ScanStatus.QUEUED, 1, START)
    assert (snapshot.requested_by, snapshot.repository_id) == ("ann", "repo")


async def test_a_scan_needs_its_repository_an_id_of_its_own_and_its_own_first_event(store: Store) -> None:
    with pytest.raises(UnknownRecord, match="no repository repo"):
        await store.create_scan(request(), queued())
    await begin(store)
    await store.append(fetching())
    with pytest.raises(DuplicateRecord, match="a scan scan already"):
        await store.create_scan(request(), queued())
    with pytest.raises(UsageError, match="names another scan, other"):
        await store.create_scan(request("new"), queued("other"))
    assert (await store.snapshot("scan")).seq == 2
    assert (await store.scans(ALL)).total == 1


async def test_what_is_not_there_is_said_by_name(store: Store) -> None:
    for ask in (store.snapshot, store.request, store.artifacts, store.findings, store.begin_run):
        with pytest.raises(UnknownRecord, match="no scan nobody"):
            await ask("nobody")
    with pytest.raises(UnknownRecord, match="no scan nobody"):
        await store.save_outcome("nobody", ScanOutcome(), run=0)
    for ask_repository in (store.repository, store.delete_repository):
        with pytest.raises(UnknownRecord, match="no repository nobody"):
            await ask_repository("nobody")
    with pytest.raises(UnknownRecord, match="no repository nobody"):
        await store.update_repository("nobody", {"name": "x"})


async def test_scans_are_listed_newest_first_page_by_page(store: Store) -> None:
    for i, time in enumerate([5, 1, 9, 5, 3]):
        await begin(store, f"scan-{i}", time=time)
    newest_first = ["scan-2", "scan-3", "scan-0", "scan-4", "scan-1"]
    pages = [await store.scans(ALL, page=page, limit=2) for page in (1, 2, 3, 4)]
    assert [[snapshot.scan_id for snapshot in page.rows] for page in pages] == [
        newest_first[:2],
        newest_first[2:4],
        newest_first[4:],
        [],
    ]
    assert {(page.total, page.limit) for page in pages} == {(5, 2)}
    assert [page.page for page in pages] == [1, 2, 3, 4]
    for page, limit in ((0, 1), (1, 0), (1, -1)):
        with pytest.raises(UsageError, match="counts from 1"):
            await store.scans(ALL, page=page, limit=limit)


FILTERS = {
    "everything": (ALL, "a b c d"),
    "one status": (ScanFilter(status=frozenset({ScanStatus.QUEUED})), "b"),
    "two statuses": (ScanFilter(status=frozenset({ScanStatus.COMPLETED, ScanStatus.FAILED})), "c d"),
    "no status": (ScanFilter(status=frozenset()), ""),
    "repository": (ScanFilter(repository_id="one"), "a b"),
    "unknown repository": (ScanFilter(repository_id="none"), ""),
    "part of the target": (ScanFilter(target="ÜBUNG"), "b"),
    "target with wildcards": (ScanFilter(target="%_"), "c"),
    "person": (ScanFilter(requested_by="ann"), "a c"),
    "another's case": (ScanFilter(requested_by="Ann"), ""),
    "created from": (ScanFilter(created_from=at(2)), "b c d"),
    "created before": (ScanFilter(created_before=at(2)), "a"),
    "created within a microsecond": (
        ScanFilter(created_from=at(2), created_before=at(2) + timedelta(microseconds=1)),
        "b",
    ),
    "all at once": (
        ScanFilter(frozenset({ScanStatus.COMPLETED}), "two", "ACME", "ann", at(1), at(9)),
        "c",
    ),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_finds_the_scans_it_names(store: Store, name: str) -> None:
    where, expected = FILTERS[name]
    await store.create_repository(repository("one"))
    await store.create_repository(repository("two"))
    for scan_id, repository_id, target, by, time in (
        ("a", "one", "sim://acme/payments", "ann", 1),
        ("b", "one", "https://example.org/Übung", None, 2),
        ("c", "two", "sim://Acme/100%_sure", "ann", 3),
        ("d", "two", "sim://acme/other", "bob", 4),
    ):
        await store.create_scan(request(scan_id, repository_id, target=target, by=by), queued(scan_id, time=time))
    await store.append(fetching("a"))
    await store.append(complete("c"))
    await store.append(failed("d"))
    found = await store.scans(where)
    assert sorted(snapshot.scan_id for snapshot in found.rows) == expected.split()
    assert found.total == len(expected.split())


async def test_unfinished_scans_are_those_without_an_end_oldest_first(store: Store) -> None:
    for i, time in enumerate([5, 1, 9, 3, 5]):
        await begin(store, f"scan-{i}", time=time)
    await store.append(fetching("scan-0"))
    await store.append(replace(queued("scan-2", time=10), turn=Turn.CANCELLING))
    await store.append(failed("scan-3"))
    assert await store.unfinished() == ["scan-1", "scan-0", "scan-4", "scan-2"]


# Repositories


async def test_a_repository_is_kept_and_its_target_is_its_own(store: Store) -> None:
    kept = repository("one", target="sim://ümlaut")
    assert await store.create_repository(kept) == kept == await store.repository("one")
    with pytest.raises(DuplicateRecord, match="sim://ümlaut is registered already, as repository one"):
        await store.create_repository(repository("two", target="sim://ümlaut"))
    with pytest.raises(DuplicateRecord, match="a repository one already"):
        await store.create_repository(repository("one", target="sim://new"))
    assert await store.repositories() == [kept]


async def test_repositories_come_newest_first_with_their_last_scans(store: Store) -> None:
    for repository_id, created in (("one", 1), ("two", 3), ("three", 2), ("four", 3)):
        await store.create_repository(repository(repository_id, created=created))
    for scan_id, time in (("old", 10), ("new", 30), ("middle", 20)):
        await store.create_scan(request(scan_id, "one"), queued(scan_id, time=time))
    await store.append(complete("old", time=40))
    await store.append(fetching("new", time=31))
    kept = await store.repositories()
    assert [one.id for one in kept] == ["four", "two", "three", "one"]
    assert (kept[3].last_scan_id, kept[3].last_scan_at) == ("new", at(30))
    assert kept[3].last_scan_status is ScanStatus.IN_PROGRESS
    assert (kept[0].last_scan_id, kept[0].last_scan_at, kept[0].last_scan_status) == (None, None, None)
    assert await store.repository("one") == kept[3]


async def test_a_last_scan_that_is_only_claimed_is_not_kept(store: Store) -> None:
    claimed = replace(repository(), last_scan_id="x", last_scan_at=START, last_scan_status=ScanStatus.FAILED)
    assert await store.create_repository(claimed) == repository()


async def test_fields_of_a_repository_change_and_the_answer_is_the_whole(store: Store) -> None:
    await begin(store)
    changes = {"name": "Ünamed", "target": "sim://new", "auto_scan": True, "description": None, "updated_at": at(7)}
    changed = await store.update_repository("repo", changes)
    expected = replace(repository(), **changes)
    assert replace(changed, last_scan_id=None, last_scan_at=None, last_scan_status=None) == expected
    assert (changed.last_scan_id, changed.last_scan_status) == ("scan", ScanStatus.QUEUED)
    assert await store.repository("repo") == changed
    await store.create_repository(repository("other"))  # the old target is free again


async def test_a_change_that_cannot_be_is_refused_whole(store: Store) -> None:
    await store.create_repository(repository("one"))
    await store.create_repository(repository("two"))
    with pytest.raises(DuplicateRecord, match="as repository one"):
        await store.update_repository("two", {"name": "new", "target": "sim://acme/one"})
    for name in ("id", "created_at", "last_scan_id", "colour"):
        with pytest.raises(UsageError, match=f"'{name}' cannot be changed; these can: auto_scan"):
            await store.update_repository("two", {"name": "new", name: "x"})
    assert await store.repository("two") == repository("two")
    assert await store.update_repository("two", {"target": "sim://acme/two"}) == repository("two")


async def test_deleting_a_repository_deletes_its_scans_events_and_results_alone(store: Store) -> None:
    await begin(store, "gone", "one")
    await begin(store, "stays", "two")
    run = await store.begin_run("gone")
    await store.save_outcome("gone", ScanOutcome((Artifact("REQ-1", "requirement"),)), run=run)
    await store.delete_repository("one")
    with pytest.raises(UnknownRecord):
        await store.repository("one")
    with pytest.raises(UnknownRecord):
        await store.artifacts("gone")
    with pytest.raises(UnknownRecord, match="no scan gone"):
        await store.append(fetching("gone"), run=run)
    assert await store.events("gone") == []
    assert await store.unfinished() == ["stays"]
    assert [snapshot.scan_id for snapshot in (await store.scans(ALL)).rows] == ["stays"]
    await begin(store, "gone", "one")  # both names are free again, and nothing of the old scan is left
    assert [event.seq for event in await store.events("gone")] == [1]
    assert (await store.artifacts("gone")).total == 0


async def test_an_update_tells_where_the_last_scan_stands_after_what_came_before(store: Store) -> None:
    await begin(store)
    _, changed = await asyncio.gather(store.append(complete()), store.update_repository("repo", {"name": "new"}))
    assert (changed.name, changed.last_scan_status) == ("new", ScanStatus.COMPLETED)


async def test_an_append_just_before_a_deletion_does_not_reach_what_comes_after_it(store: Store) -> None:
    await begin(store, "old", "one")
    await asyncio.gather(
        store.append(fetching("old")),
        store.delete_repository("one"),
        store.create_repository(repository("two")),
        store.create_scan(request("new", "two"), queued("new")),
    )
    snapshot = await store.snapshot("new")
    assert (snapshot.scan_id, snapshot.seq, snapshot.status) == ("new", 1, ScanStatus.QUEUED)


# Results


async def test_a_scan_without_an_outcome_has_an_empty_inventory(store: Store) -> None:
    await begin(store)
    assert (await store.artifacts("scan")).total == (await store.findings("scan")).total == 0


async def test_an_outcome_comes_back_in_the_scanners_order_page_by_page(store: Store) -> None:
    await begin(store)
    artifacts = tuple(Artifact(f"REQ-{i}", "requirement", title=f"Título {i}", line=i) for i in (5, 1, 4, 2, 3))
    findings = (Finding("parent-missing", "error", "REQ-1 has no parent", "REQ-1", "a.md", 3, "name one", True),)
    await store.save_outcome("scan", ScanOutcome(artifacts, findings, files=3), run=0)
    pages = [await store.artifacts("scan", page=page, limit=2) for page in (1, 2, 3, 4)]
    assert [page.rows for page in pages] == [artifacts[:2], artifacts[2:4], artifacts[4:], ()]
    assert {page.total for page in pages} == {5}
    assert (await store.findings("scan")).rows == findings
    with pytest.raises(UsageError, match="page counts from 1"):
        await store.findings("scan", page=0)


async def test_a_later_outcome_replaces_the_earlier_one_whole(store: Store) -> None:
    await begin(store)
    first = await store.begin_run("scan")
    old = ScanOutcome(tuple(Artifact(f"OLD-{i}", "spec") for i in range(9)), (Finding("r", "info", "m"),))
    await store.save_outcome("scan", old, run=first)
    second = await store.begin_run("scan")
    new = ScanOutcome((Artifact("NEW-1", "spec"),))
    await store.save_outcome("scan", new, run=second)
    with pytest.raises(Fenced):
        await store.save_outcome("scan", old, run=first)
    assert (await store.artifacts("scan")).rows == new.artifacts
    assert (await store.findings("scan")).rows == ()


# Opening and closing


async def test_closing_twice_is_harmless_and_a_closed_store_says_so(store: Store) -> None:
    await begin(store)
    await store.close()
    await store.close()
    for ask in (store.append(fetching()), store.snapshot("scan"), store.repositories(), store.scans(ALL)):
        with pytest.raises(StoreError, match="is not open"):
            await ask
    await store.open()
    assert await store.unfinished() in ([], ["scan"])  # a store may forget, but it works again


async def test_opening_an_open_store_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="open already"):
        await store.open()
    assert await store.repositories() == []


async def test_closing_finishes_what_was_accepted(store: Store) -> None:
    await begin(store)
    tasks = [asyncio.create_task(store.append(fetching(done=i))) for i in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert [event.seq for event in await asyncio.gather(*tasks)] == list(range(2, 102))
