"""Durable appends for each second, beside what SQLite itself allows with the same grouping.

    python benchmarks/storage.py [--events 20000] [--directory DIR]

The floor inserts rows of the same size with bare ``sqlite3`` (WAL, synchronous FULL, one thread, no event loop),
as many in each transaction as there are writers. The directory should be on the disk that matters: a RAM disk flushes
for nothing. Rates vary from machine to machine and hour to hour; the ratios less.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scanwatch.model import Event, EventKind, Phase, Repository, ScanRequest
from scanwatch.storage import Store, open_store

WRITERS = (1, 16, 200)
NOW = datetime.now(UTC)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=20_000, help="appends in each measurement")
    options.add_argument("--directory", type=Path, help="where to put the files (a temporary directory)")
    chosen = options.parse_args()
    table = Table(
        "writers", "SQLite store", "floor", "store / floor", "memory store", title="Durable appends per second"
    )
    for writers in WRITERS:
        events = chosen.events if writers > 1 else chosen.events // 10
        with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
            floor = _floor(Path(directory) / "floor.db", events, writers)
            store = asyncio.run(_store(f"sqlite:///{directory}/scans.db", events, writers))
            memory = asyncio.run(_store("memory:", events, writers))
        table.add_row(f"{writers}", f"{store:,.0f}", f"{floor:,.0f}", f"{store / floor:.2f}", f"{memory:,.0f}")
    Console().print(table)


def _event(scan_id: str, done: int) -> Event:
    return Event(
        scan_id,
        EventKind.PROGRESS,
        NOW,
        phase=Phase.FETCH,
        progress_percent=22,
        attempt=1,
        message="Fetching files",
        files_processed=done,
        total_files=100_000,
        current_file=".gxp/specs/SPEC-001-002.md",
    )


async def _store(url: str, events: int, writers: int) -> float:
    store = open_store(url)
    await store.open()
    await store.create_repository(Repository("repo", "repo", "sim://acme/repo", NOW, NOW))
    runs = [await _begin(store, f"scan-{writer}") for writer in range(writers)]

    async def write(writer: int) -> None:
        for done in range(events // writers):
            await store.append(_event(f"scan-{writer}", done), run=runs[writer], key=str(done))

    started = time.perf_counter()
    await asyncio.gather(*map(write, range(writers)))
    elapsed = time.perf_counter() - started
    await store.close()
    return events // writers * writers / elapsed


async def _begin(store: Store, scan_id: str) -> int:
    await store.create_scan(ScanRequest(scan_id, "repo", "sim://acme/repo"), _event(scan_id, 0))
    return await store.begin_run(scan_id)


def _floor(path: Path, events: int, group: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB)")
    body = b"x" * 380
    started = time.perf_counter()
    for _ in range(events // group):
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            connection.execute("INSERT INTO events (body) VALUES (?)", (body,))
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    return events // group * group / elapsed


if __name__ == "__main__":
    main()
