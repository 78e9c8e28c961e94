"""The SQLite store keeps what it acknowledged through kills and restarts, and has one owner.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from scanwatch.errors import Fenced, ScanEnded, StoreBusy, StoreError, UsageError
from scanwatch.model import TERMINAL, WAITING, Artifact, Event, Finding, ScanOutcome, ScanRequest
from scanwatch.snapshot import apply_all, new_snapshot
from scanwatch.storage import ScanFilter, _ledger, _queries
from scanwatch.storage._ledger import Ledger
from scanwatch.storage._schema import connect_writer
from scanwatch.storage._sqlite import SqliteStore
from scanwatch.storage._writer import Writer
from tests.storage import appending_child
from tests.storage.records import at, begin, complete, fetching, queued, repository, request


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scans.db"


async def _opened(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    await store.open()
    return store


# Through restarts


async def test_everything_is_there_after_closing_and_opening(path: Path) -> None:
    store = await _opened(path)
    await begin(store, "ended")
    await begin(store, "going")
    run = await store.begin_run("ended")
    outcome = ScanOutcome((Artifact("REQ-1", "requirement"),), (Finding("rule", "error", "message"),))
    await store.save_outcome("ended", outcome, run=run)
    end = await store.append(complete("ended"), run=run, key="end")
    await store.append(fetching("going"), run=await store.begin_run("going"), key="1")

    async def everything() -> list[object]:
        return [
            await store.repositories(),
            await store.scans(ScanFilter()),
            await store.unfinished(),
            [await store.events(scan) for scan in ("ended", "going")],
            [await store.request(scan) for scan in ("ended", "going")],
            [await store.artifacts("ended"), await store.findings("ended")],
        ]

    before = await everything()
    await store.close()
    assert sorted(file.name for file in path.parent.iterdir()) in (["scans.db"], ["scans.db", "scans.db.lock"])
    store = await _opened(path)
    assert await everything() == before
    assert await store.append(complete("ended"), run=run, key="end") == end
    with pytest.raises(ScanEnded):
        await store.append(fetching("ended"))
    assert await store.begin_run("going") == 2
    await store.close()


async def test_a_run_that_outlived_a_restart_is_fenced(path: Path) -> None:
    store = await _opened(path)
    await begin(store)
    stale = await store.begin_run("scan")
    await store.close()
    store = await _opened(path)
    assert (await store.append(fetching(), run=stale)).seq == 2
    await store.begin_run("scan")
    with pytest.raises(Fenced):
        await store.append(fetching(), run=stale)
    await store.close()


async def test_a_kill_in_the_middle_of_writing_loses_no_acknowledged_append(path: Path) -> None:
    store = await _opened(path)
    await begin(store)
    await store.close()
    acknowledged: dict[tuple[int, int], int] = {}
    for round_ in range(3):
        for run, seq, done in _append_until_killed(path, first=round_ * 100_000, lines=300):
            acknowledged[run, done] = seq
        store = await _opened(path)
        events = await store.events("scan", limit=1_000_000)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        kept = {event.seq: event.files_processed for event in events}
        assert all(kept[seq] == done for (_, done), seq in acknowledged.items())
        assert len(acknowledged) >= (round_ + 1) * 300
        assert await store.snapshot("scan") == apply_all(new_snapshot(await store.request("scan")), events)
        repeated = [
            await store.append(fetching(done=d), run=round_ + 1, key=str(d)) for (r, d) in acknowledged if r > round_
        ]
        assert [event.seq for event in repeated] == [seq for (r, _), seq in acknowledged.items() if r > round_]
        await store.close()


def _append_until_killed(path: Path, *, first: int, lines: int) -> list[tuple[int, ...]]:
    """Kill a child after so many lines; returns all it told, as (run, seq, done)."""
    program = [sys.executable, "-m", appending_child.__name__, f"sqlite:///{path}", str(first)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [line for line, _ in zip(child.stdout, range(lines), strict=False)]
        child.kill()
        told += child.stdout.readlines()
    return [tuple(map(int, line.split())) for line in told if line.endswith("\n")]


# One owner


async def test_a_second_process_is_told_who_has_the_file(path: Path) -> None:
    store = await _opened(path)
    await begin(store)
    program = [sys.executable, "-m", appending_child.__name__, f"sqlite:///{path}", "0"]
    child = subprocess.run(program, capture_output=True, text=True, timeout=20)
    await store.close()
    assert child.returncode == 1
    assert f"StoreBusy: The store {path} is in use" in child.stderr


async def test_one_file_has_one_owner_under_any_name_until_it_is_closed(path: Path) -> None:
    store = await _opened(path)
    alias = path.parent / "alias.db"
    alias.symlink_to(path)
    for name in (path, alias, path.parent / "." / path.name):
        with pytest.raises(StoreBusy, match=r"scans\.db is in use"):
            await SqliteStore(name).open()
    await store.close()
    await (await _opened(alias)).close()


# Group commit, and requests that fail in it


class _Bench:
    """A writer on a connection whose statements can be seen."""

    def __init__(self, path: Path) -> None:
        self.connection = connect_writer(path)
        self.statements: list[str] = []
        self.heard: list[Event] = []
        self.connection.set_trace_callback(self.statements.append)
        self.writer = Writer(Ledger(self.connection), path, self.heard.extend)

    async def keep_a_scan(self) -> None:
        await self.writer.submit(lambda ledger: ledger.create_repository(repository()))
        await self.writer.submit(lambda ledger: ledger.create_scan(request(), queued()))

    def append(self, done: int) -> asyncio.Future[Event]:
        return self.writer.submit(lambda ledger: ledger.append(fetching(done=done), 0, str(done)))


async def test_requests_that_wait_together_share_a_commit_and_keep_their_order(path: Path) -> None:
    bench = _Bench(path)
    bench.writer.submit(lambda ledger: ledger.create_repository(repository()))
    bench.writer.submit(lambda ledger: ledger.create_scan(request(), queued()))
    answers = [bench.append(done) for done in range(300)]
    bench.writer.start()
    events = await asyncio.gather(*answers)
    bench.writer.finish()
    assert [(event.seq, event.files_processed) for event in events] == [(done + 2, done) for done in range(300)]
    assert bench.heard[1:] == events
    assert bench.statements.count("COMMIT") == 1
    # What a trigger does is traced as the statement that set it off, once more.
    assert len({statement for statement in bench.statements if statement.startswith("UPDATE scans")}) == 1


async def test_an_unforeseen_failure_in_a_group_is_its_own_requests_alone(path: Path) -> None:
    bench = _Bench(path)

    def spoil(ledger: Ledger) -> None:
        ledger.append(fetching(done=666), 0, None)
        raise ZeroDivisionError("unforeseen")

    bench.writer.start()
    await bench.keep_a_scan()
    answers = [bench.append(0), bench.writer.submit(spoil), bench.append(1), bench.append(0)]
    first, spoilt, second, repeated = await asyncio.gather(*answers, return_exceptions=True)
    bench.writer.finish()
    assert isinstance(spoilt, ZeroDivisionError)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.seq, second.seq, repeated) == (2, 3, first)
    assert [event.files_processed for event in bench.heard] == [None, 0, 1]


async def test_a_full_disk_fails_what_waits_in_words_and_space_heals_it(path: Path) -> None:
    bench = _Bench(path)
    bench.writer.start()
    await bench.keep_a_scan()
    pages = await bench.writer.submit(lambda _: _pages(bench.connection))
    await bench.writer.submit(lambda _: bench.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    answers = await asyncio.gather(*(bench.append(done) for done in range(100)), return_exceptions=True)
    full = [answer for answer in answers if isinstance(answer, StoreError)]
    assert full
    assert str(full[0]).startswith(f"The store {path} cannot be used: the disk is full: free some space")
    acknowledged = [answer for answer in answers if isinstance(answer, Event)]
    assert len(full) + len(acknowledged) == 100
    await bench.writer.submit(lambda _: bench.connection.execute("PRAGMA max_page_count = 100000").fetchall())
    healed = await asyncio.gather(*(bench.append(done) for done in range(100)))
    bench.writer.finish()
    assert sorted(event.seq or 0 for event in healed) == list(range(2, 102))
    assert bench.heard[1 : 1 + len(acknowledged)] == acknowledged


def _pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


async def test_no_more_snapshots_are_held_than_the_cache_allows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger, "CACHED_SCANS", 3)
    ledger = Ledger(connect_writer(path))
    with ledger.transaction():
        ledger.create_repository(repository())
        for i in range(10):
            ledger.create_scan(request(f"scan-{i}"), queued(f"scan-{i}"))
    held = ledger.cached_scans
    ledger.close()
    assert held == ["scan-7", "scan-8", "scan-9"]


async def test_scans_beyond_the_cache_are_read_back_from_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger, "CACHED_SCANS", 3)
    store = await _opened(path)
    scans = [f"scan-{i}" for i in range(10)]
    for scan in scans:
        await begin(store, scan)
    for done in range(3):
        await asyncio.gather(*(store.append(fetching(scan, done=done)) for scan in scans))
    for scan in scans:
        events = await store.events(scan)
        assert [event.seq for event in events] == [1, 2, 3, 4]
        assert await store.snapshot(scan) == apply_all(new_snapshot(await store.request(scan)), events)
    await store.close()


async def test_a_listing_is_read_off_an_index_and_no_row_is_sorted(path: Path) -> None:
    store = await _opened(path)
    filters = (ScanFilter(), ScanFilter(repository_id="r"), ScanFilter(requested_by="ann"), ScanFilter(target="x"))
    connection = connect_writer(path)
    planned: list[str] = []
    connection.set_trace_callback(planned.append)
    for where in filters:
        _queries.scans(connection, where, 1, 20)
    connection.set_trace_callback(None)
    listings = [statement for statement in planned if "ORDER BY" in statement]
    plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {listing}").fetchall()) for listing in listings]
    connection.close()
    await store.close()
    assert len(plans) == len(filters)
    assert all("USING COVERING INDEX scans_by_" in plan for plan in plans)
    assert ["TEMP B-TREE" in plan for plan in plans] == [False, False, False, True]


async def test_every_page_is_the_same_whichever_end_it_is_counted_from(path: Path) -> None:
    store = await _opened(path)
    for number in range(25):
        scan = f"scan-{number}"
        await begin(store, scan)
        if number % 3 == 0:
            await store.append(complete(scan))
    for where in (ScanFilter(), ScanFilter(status=TERMINAL), ScanFilter(target="acme"), ScanFilter(status=WAITING)):
        everything = (await store.scans(where, limit=100)).rows
        pages = [await store.scans(where, page=page, limit=4) for page in range(1, 9)]
        assert tuple(row for page in pages for row in page.rows) == everything
        assert {page.total for page in pages} == {len(everything)}
    await store.close()


async def test_what_is_counted_follows_every_change_and_deletion(path: Path) -> None:
    store = await _opened(path)
    for number in range(6):
        await begin(store, f"scan-{number}", f"repo-{number % 2}")
    await store.append(complete("scan-0"))
    await store.append(complete("scan-1"))
    await store.delete_repository("repo-0")
    await store.prune_scans(at(1_000), limit=1)
    for where in (
        ScanFilter(),
        ScanFilter(status=TERMINAL),
        ScanFilter(status=WAITING),
        ScanFilter(status=frozenset()),
    ):
        found = await store.scans(where, limit=100)
        assert found.total == len(found.rows)
    assert (await store.scans(ScanFilter())).total == 2
    await store.close()


# What cannot be kept


async def test_what_is_no_text_or_no_data_is_refused_by_the_call_itself(path: Path) -> None:
    store = await _opened(path)
    await begin(store)
    half = "\ud800"
    refused = await asyncio.gather(
        store.append(fetching(), key=half),
        store.append(Event("scan", fetching().kind, fetching().time, message=half)),
        store.create_scan(ScanRequest("new", "repo", "sim://x", {"odd": object()}), queued("new")),
        store.snapshot(half),
        store.scans(ScanFilter(requested_by=half)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in refused] == [UsageError] * 5
    assert (await store.append(fetching())).seq == 2
    assert await store.unfinished() == ["scan"]
    await store.close()
