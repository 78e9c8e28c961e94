"""A store that an earlier version wrote is brought up to date where it is, and loses nothing.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from scanwatch.errors import StoreError
from scanwatch.model import ApiKey, AuditEntry, Role, ScanStatus
from scanwatch.storage import ScanFilter, _schema
from scanwatch.storage._schema import SCHEMA_VERSION
from scanwatch.storage._sqlite import SqliteStore
from tests.storage.records import START, complete, fetching

VERSION_1 = """
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE repositories (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    target TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX repositories_by_time ON repositories (created_at, number);
CREATE TABLE scans (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    requested_by TEXT,
    target TEXT NOT NULL,
    run INTEGER NOT NULL DEFAULT 0,
    request BLOB NOT NULL,
    snapshot BLOB NOT NULL
);
CREATE INDEX scans_by_time ON scans (created_at, number);
CREATE INDEX scans_by_repository ON scans (repository_id, created_at, number);
CREATE INDEX scans_by_status ON scans (status, created_at, number);
CREATE INDEX scans_by_person ON scans (requested_by, created_at, number);
CREATE TABLE events (
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    run INTEGER NOT NULL,
    key TEXT,
    body BLOB NOT NULL,
    UNIQUE (scan, seq)
);
CREATE UNIQUE INDEX events_by_key ON events (scan, run, key) WHERE key IS NOT NULL;
CREATE TABLE artifacts (
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;
CREATE TABLE findings (
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;
INSERT INTO repositories VALUES (1, 'repo', 'sim://acme/repo', 1795646709000000,
    CAST('{"id":"repo","name":"Repository","target":"sim://acme/repo","created_at":"2026-11-22T22:45:09Z",
    "updated_at":"2026-11-22T22:45:09Z"}' AS BLOB));
INSERT INTO scans VALUES (1, 'scan', 'repo', 'in_progress', 1795646709000000, 'ann', 'sim://acme/repo', 1,
    CAST('{"scan_id":"scan","repository_id":"repo","target":"sim://acme/repo","requested_by":"ann"}' AS BLOB),
    CAST('{"scan_id":"scan","status":"in_progress","seq":1,"phase":"queued","repository_id":"repo",
    "target":"sim://acme/repo","requested_by":"ann","created_at":"2026-11-22T22:45:09Z"}' AS BLOB));
INSERT INTO events VALUES (1, 1, 0, NULL,
    CAST('{"scan_id":"scan","kind":"progress","time":"2026-11-22T22:45:09Z","seq":1,"phase":"queued"}' AS BLOB));
INSERT INTO findings VALUES (1, 0, CAST('{"rule":"r","level":"error","message":"m"}' AS BLOB));
PRAGMA application_id = 1554470657;
PRAGMA user_version = 1;
COMMIT;
"""
"""A file as version 1 made it, written down here so that it stays as it was."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scans.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(VERSION_1)
    connection.close()
    return path


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


async def test_a_file_of_version_1_keeps_its_scans_and_takes_keys_and_audit_rows(path: Path) -> None:
    assert version_of(path) == 1
    store = SqliteStore(path)
    await store.open()
    assert [event.seq for event in await store.events("scan")] == [1]
    assert [row.target for row in await store.repositories()] == ["sim://acme/repo"]
    assert (await store.findings("scan")).total == 1
    assert (await store.annotations("scan")).total == 0
    await store.append(fetching("scan"), run=1)
    await store.append(complete("scan"), run=1)
    key = ApiKey("key", "ada", Role.VIEWER, START, "digest")
    await store.create_key(key)
    await store.add_audit(AuditEntry(START, "scan.trigger", "ada"))
    await store.close()
    assert version_of(path) == SCHEMA_VERSION
    await store.open()
    assert await store.keys() == [key]
    assert (await store.audit()).total == 1
    assert [row.status for row in (await store.scans(ScanFilter())).rows] == [ScanStatus.COMPLETED]
    await store.close()


async def test_an_interrupted_migration_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = (*_schema._STEPS[:-1], f"{_schema._STEPS[-1]} CREATE TABLE scans (again INTEGER);")
    with monkeypatch.context() as patch:
        patch.setattr(_schema, "_STEPS", broken)
        with pytest.raises(StoreError, match="cannot be used"):
            await SqliteStore(path).open()
    assert version_of(path) == 1
    shutil.copy(path, tmp_path / "other.db")
    store = SqliteStore(tmp_path / "other.db")
    await store.open()
    assert (await store.scans(ScanFilter())).total == 1
    await store.close()


async def test_a_new_file_and_a_migrated_one_have_the_same_tables(path: Path, tmp_path: Path) -> None:
    def schema(file: Path) -> list[tuple[str, ...]]:
        connection = sqlite3.connect(file)
        rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        connection.close()
        return rows

    for file in (path, tmp_path / "new.db"):
        store = SqliteStore(file)
        await store.open()
        await store.close()
    assert schema(path) == schema(tmp_path / "new.db")
