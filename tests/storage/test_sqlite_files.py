"""A file that cannot be the SQLite store is refused in words, and left alone.

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
import tempfile
from pathlib import Path

import pytest

from scanwatch.errors import StoreBusy, StoreError
from scanwatch.storage import ScanFilter
from scanwatch.storage._schema import SCHEMA_VERSION, connect_writer
from scanwatch.storage._sqlite import SqliteStore
from tests.storage.records import begin, fetching


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scans.db"


async def _opened(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    await store.open()
    return store


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, today I was a database.\n" * 200)


def _another_programs(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE music (title TEXT)")
    connection.close()


def _newer(path: Path) -> None:
    connection = connect_writer(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _a_directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_not_a_database, "it is not a scanwatch store: give another path"),
        (_another_programs, "it is another program's database"),
        (_newer, rf"was written by a newer scanwatch \(its schema is 99, this one knows {SCHEMA_VERSION}\): upgrade"),
        (_a_directory, "it cannot be opened"),
    ],
)
async def test_a_file_that_is_no_store_is_refused_in_words_and_left_alone(make, says: str, path: Path) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=says) as refusal:
        await SqliteStore(path).open()
    assert str(path) in str(refusal.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    path.rename(path.with_suffix(".old"))
    await (await _opened(path)).close()  # the refusal let go of the lock


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no directory .*/not/there\. Make it first"):
        await SqliteStore(tmp_path / "not" / "there" / "scans.db").open()


async def test_where_no_file_can_be_made_nobody_is_said_to_use_it() -> None:
    with pytest.raises(StoreError, match="cannot be used") as refusal:
        await SqliteStore(Path("/proc/scans.db")).open()
    assert not isinstance(refusal.value, StoreBusy)


async def test_a_damaged_file_says_so_when_it_is_read(path: Path) -> None:
    store = await _opened(path)
    await begin(store)
    await asyncio.gather(*(store.append(fetching(done=i)) for i in range(500)))
    await store.close()
    pages = bytearray(path.read_bytes())
    pages[3 * 4096 :] = b"\xff" * (len(pages) - 3 * 4096)
    path.write_bytes(pages)
    with pytest.raises(StoreError, match=r"scans\.db cannot be used: the file is damaged: restore it"):
        await _read_everything(SqliteStore(path))


async def _read_everything(store: SqliteStore) -> None:
    await store.open()
    try:
        await store.scans(ScanFilter())
        await store.events("scan")
    finally:
        await store.close()


READ_ONLY_CHILD = """
import asyncio, os, sys
from pathlib import Path
from scanwatch.errors import StoreError
from scanwatch.storage._sqlite import SqliteStore

if os.geteuid() == 0:
    os.seteuid(65534)  # permissions do not bind the superuser
try:
    asyncio.run(SqliteStore(Path(sys.argv[1])).open())
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["directory", "file"])
def test_what_may_not_be_written_to_is_refused_in_words(what: str) -> None:
    # Not pytest's own directory: other users may not enter that.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "scans.db"
        if what == "file":
            connect_writer(path).close()
            path.chmod(0o444)
        directory.chmod(0o555 if what == "directory" else 0o777)
        program = [sys.executable, "-c", READ_ONLY_CHILD, str(path)]
        child = subprocess.run(program, capture_output=True, text=True, timeout=20)
        directory.chmod(0o755)
    remedy = (
        "Check that this user may write to the directory" if what == "directory" else "give this user write permission"
    )
    assert child.stderr == ""
    assert child.stdout.startswith(f"The store {path} cannot be used: ")
    assert remedy in child.stdout
