"""A long history on SQLite: what listing, filtering and opening cost when there are a million scans.

    python benchmarks/scale/history.py [--scans 1000000] [--file /path/to/keep.db]

The rows are written straight into the tables, each as the store would have written it; they are then read through the
store, as a gateway does. ``--file`` keeps the store for the next run, which writes what is missing. The longest of
several reads counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from scanwatch.model import TERMINAL, WAITING, Event, EventKind, Phase, Repository, ScanRequest, ScanResult, ScanStatus
from scanwatch.snapshot import Snapshot, apply, new_snapshot
from scanwatch.storage import ScanFilter, Store, open_store
from scanwatch.storage._records import encode
from scanwatch.storage._schema import microseconds

REPOSITORIES = 1_000
EVENTS = 10
PEOPLE = 50
END = datetime(2026, 6, 1, tzinfo=UTC)
REPEATS = 7
PHASES = (Phase.DISCOVERY, Phase.FETCH, Phase.FETCH, Phase.PARSE, Phase.PARSE, Phase.VALIDATE, Phase.VALIDATE)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--scans", type=int, default=1_000_000)
    options.add_argument("--file", type=Path, help="the store to use, made if it is not there")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path: Path = chosen.file or Path(folder) / "history.db"
        if not path.exists():
            asyncio.run(_make(path))
        begun = time.monotonic()
        _fill(path, chosen.scans)
        print(f"written in {time.monotonic() - begun:.0f} s")
        asyncio.run(_measure(path, chosen.scans))


async def _make(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    await store.open()
    for number in range(REPOSITORIES):
        target = f"https://git.example.org/team-{number % 40}/repository-{number}.git"
        await store.create_repository(Repository(_id(1, number), f"repository-{number}", target, END, END))
    await store.close()


def _fill(path: Path, scans: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    there = connection.execute("SELECT count(*) FROM scans").fetchone()[0]
    for first in range(there, scans, 10_000):
        rows = [_scan(number, scans) for number in range(first, min(first + 10_000, scans))]
        with connection:
            connection.executemany(
                "INSERT INTO scans (number, id, repository_id, status, created_at, requested_by, target, run, request,"
                " snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
                (row for row, _ in rows),
            )
            connection.executemany(
                "INSERT INTO events (scan, seq, run, key, body) VALUES (?, ?, 1, ?, ?)",
                (event for _, events in rows for event in events),
            )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


class Bodies:
    """What one scan keeps, as bytes, with another scan's ids put in: made once for each end, not a million times.

    The times within stay the same: what is searched are columns.
    """

    def __init__(self, number: int) -> None:
        self._ids = (_id(2, number).encode(), _id(1, 0).encode(), b"repository-0.git", b"person-0")
        target = "https://git.example.org/team-0/repository-0.git"
        request = ScanRequest(_id(2, number), _id(1, 0), target, requested_by="person-0")
        snapshot: Snapshot = new_snapshot(request)
        events = []
        for event in _events(request.scan_id, number, END):
            snapshot = apply(snapshot, event)
            events.append(encode(event))
        self.status = snapshot.status
        self._bodies = (encode(request), encode(snapshot), *events)

    def of(self, *ids: str) -> list[bytes]:
        """The request, the snapshot and the events of the scan with these ids."""
        bodies = list(self._bodies)
        for old, new in zip(self._ids, ids, strict=True):
            bodies = [body.replace(old, new.encode()) for body in bodies]
        return bodies


def _scan(number: int, scans: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """A scan's row and those of its events."""
    repository, person = number * 7919 % REPOSITORIES, f"person-{number % PEOPLE}"
    scan_id, repository_id = _id(2, number), _id(1, repository)
    bodies = FAILED if number % 10 == 0 else COMPLETED
    request, snapshot, *events = bodies.of(scan_id, repository_id, f"repository-{repository}.git", person)
    created = microseconds(END - timedelta(seconds=30 * (scans - number)))
    target = f"https://git.example.org/team-{repository % 40}/repository-{repository}.git"
    row = (number + 1, scan_id, repository_id, bodies.status, created, person, target, request, snapshot)
    return row, [(number + 1, seq, None if seq == 1 else str(seq), body) for seq, body in enumerate(events, 1)]


def _events(scan_id: str, number: int, begun: datetime) -> Iterator[Event]:
    yield Event(
        scan_id, EventKind.PROGRESS, begun, seq=1, phase=Phase.QUEUED, attempt=1, message="Waiting for a worker"
    )
    for step, phase in enumerate(PHASES[: EVENTS - 2], 2):
        yield Event(
            scan_id,
            EventKind.PROGRESS,
            begun + timedelta(seconds=step),
            seq=step,
            phase=phase,
            progress_percent=step * 9,
            attempt=1,
            message="Working",
            files_processed=step * 10,
            total_files=100,
            current_file=f".gxp/specs/SPEC-{step:03}-{number % 100:03}.md",
        )
    last, seq = begun + timedelta(seconds=12), EVENTS
    yield Event(scan_id, EventKind.PROGRESS, last, seq=seq - 1, phase=Phase.PERSIST, progress_percent=95, attempt=1)
    if number % 10 == 0:
        yield Event(scan_id, EventKind.FAILED, last, seq=seq, attempt=1, error="The remote hung up.")
    else:
        result = ScanResult(scan_id, duration_s=12.0, artifacts=120, findings=3, files=100, commit="c0ffee")
        yield Event(scan_id, EventKind.COMPLETE, last, seq=seq, attempt=1, result=result)


def _id(kind: int, number: int) -> str:
    return str(UUID(int=kind << 120 | number * 0x9E3779B97F4A7C15 % (1 << 64)))


FAILED, COMPLETED = Bodies(0), Bodies(1)


async def _measure(path: Path, scans: int) -> None:
    store = open_store(f"sqlite:///{path}")
    begun = time.perf_counter()
    await store.open()
    opened = time.perf_counter() - begun
    chance = random.Random(1)
    table = Table("read", "median ms", "longest ms", title=f"{scans:,} scans, {scans * EVENTS:,} events on SQLite")
    table.add_row("open the store", "", f"{opened * 1e3:.1f}")
    for name, read in _reads(store, scans, chance).items():
        times = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            await read()
            times.append(time.perf_counter() - begun)
        times.sort()
        table.add_row(name, f"{times[len(times) // 2] * 1e3:.1f}", f"{times[-1] * 1e3:.1f}")
    Console().print(table)
    await store.close()


def _reads(store: Store, scans: int, chance: random.Random) -> dict[str, Callable[[], Awaitable[object]]]:
    def some_id() -> str:
        return _id(2, chance.randrange(scans))

    def listed(page: int = 1, **where: Any) -> Callable[[], Awaitable[object]]:
        return lambda: store.scans(ScanFilter(**where), page=page, limit=20)

    middle = END - timedelta(seconds=30 * scans // 2)
    return {
        "list: the newest": listed(),
        "list: page 1 000": listed(page=1_000),
        "list: the last page": listed(page=scans // 20),
        "filter: failed": listed(status=frozenset({ScanStatus.FAILED})),
        "filter: failed, its last page": listed(status=frozenset({ScanStatus.FAILED}), page=max(1, scans // 200)),
        "filter: ended": listed(status=TERMINAL),
        "filter: waiting (none)": listed(status=WAITING),
        "filter: one repository": listed(repository_id=_id(1, 500)),
        "filter: a scope of 100 repositories": listed(repository_ids=frozenset(_id(1, n) for n in range(100))),
        "filter: one person": listed(requested_by="person-7"),
        "filter: part of a target, common": listed(target="team-7/"),
        "filter: part of a target, rare": listed(target="repository-777."),
        "filter: one day": listed(created_from=middle, created_before=middle + timedelta(days=1)),
        "filter: failed of one repository in a time": listed(
            status=frozenset({ScanStatus.FAILED}), repository_id=_id(1, 500), created_from=middle
        ),
        "open a scan: its state": lambda: store.snapshot(some_id()),
        "open a scan: its history": lambda: store.events(some_id()),
        "what is unfinished": store.unfinished,
        "repositories with their last scans": store.repositories,
    }


if __name__ == "__main__":
    main()
