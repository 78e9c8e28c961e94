"""The SQLite file: its tables, how it is opened, and what its failures mean in words."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import StoreError, UsageError

SCHEMA_VERSION = 6
APPLICATION_ID = 0x5CA7_5701
"""Marks a file as ours (``PRAGMA application_id``), so that no other program's database is written to."""

_SCANS_AND_EVENTS = """
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
"""
"""Times are microseconds since 1970; ``scans.target`` is case-folded for searching (the snapshot has it as given).

``events`` keeps the rows in the order they came: ordered by scan, a group from 200 scans would write 200 pages instead
of some 20, four times the bytes in all.
"""

_KEYS_AND_AUDIT = """
CREATE TABLE api_keys (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL
);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""

_ANNOTATIONS = """
CREATE TABLE annotations (
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;
"""

_EVIDENCE = """
CREATE TABLE evidence (
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (scan, position)
) WITHOUT ROWID;
"""

_TARGETS = """
CREATE INDEX scans_by_target ON scans (target, created_at, number);
"""

_COUNTS = """
CREATE TABLE scan_counts (
    status TEXT PRIMARY KEY,
    scans INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO scan_counts SELECT status, count(*) FROM scans GROUP BY status;
CREATE TRIGGER scans_counted AFTER INSERT ON scans BEGIN
    INSERT INTO scan_counts VALUES (NEW.status, 1) ON CONFLICT (status) DO UPDATE SET scans = scans + 1;
END;
CREATE TRIGGER scans_discounted AFTER DELETE ON scans BEGIN
    UPDATE scan_counts SET scans = scans - 1 WHERE status = OLD.status;
END;
CREATE TRIGGER scans_recounted AFTER UPDATE OF status ON scans WHEN NEW.status <> OLD.status BEGIN
    UPDATE scan_counts SET scans = scans - 1 WHERE status = OLD.status;
    INSERT INTO scan_counts VALUES (NEW.status, 1) ON CONFLICT (status) DO UPDATE SET scans = scans + 1;
END;
"""
"""A list says how many scans there are in all: counting a million takes longer than reading the page."""

_STEPS = (_SCANS_AND_EVENTS, _KEYS_AND_AUDIT, _ANNOTATIONS, _EVIDENCE, _TARGETS, _COUNTS)
"""Step *n* (from 1) brings a file of schema *n* - 1 to schema *n*; a new file takes them all. Never change one that
has been released: add another."""

INVENTORY = ("artifacts", "findings", "annotations", "evidence")
"""The tables of what a scan found, each named like the part of a ``ScanOutcome`` it keeps."""

_CHECKPOINT_PAGES = 4_000
"""Pages (16 MB) the write-ahead log grows to before it is folded back: the pages of a busy scan are then folded once
for hundreds of appends."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_REASONS = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_READONLY": "it may not be written to: give this user write permission to the file and its directory",
    "SQLITE_CANTOPEN": "it cannot be opened: check that its directory exists and may be written to",
    "SQLITE_NOTADB": "it is not a scanwatch store: give another path, or move that file away",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a backup, or move it away to begin a new one",
    "SQLITE_BUSY": "another program keeps it locked: close whatever else has it open",
    "SQLITE_IOERR": "reading or writing it failed: check the disk it is on, and its free space",
}


def microseconds(time: datetime) -> int:
    """``time`` as the file's columns hold it."""
    return (time - EPOCH) // timedelta(microseconds=1)


def in_words(path: Path, error: Exception) -> Exception:
    """``error`` for whoever asked; one that nobody foresaw stays as it is."""
    if isinstance(error, sqlite3.Error):
        return store_error(path, error)
    if isinstance(error, UnicodeEncodeError):
        return UsageError(f"{error.object!r} is no text: half a character is in it ({error.reason}).")
    return error


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """What ``error`` means to somebody who has this path in hand."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for code, reason in _REASONS.items():
        if name.startswith(code):
            return StoreError(f"The store {path} cannot be used: {reason} ({error}).")
    return StoreError(f"The store {path} cannot be used: {error}.")


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the tables in a new file, and brings an older one up to date.

    Raises:
        StoreError: the file is not a store, is a newer version's, or cannot be written to.
    """
    connection = _connect(path)
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise store_error(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, beside an open writer."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # No implicit transactions: they begin and end where the code says so. Each connection is used by one thread at a
    # time, but it is closed by another than the one that opened it.
    try:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    application = _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (application or tables):
        raise StoreError(f"The store {path} cannot be used: it is another program's database. Give another path.")
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The store {path} was written by a newer scanwatch (its schema is {version}, this one knows "
            f"{SCHEMA_VERSION}): upgrade scanwatch, or give another path."
        )
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"The store {path} cannot be used: its file system has no write-ahead logging (network drives have none). "
            "Give a path on a local disk."
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    if version < SCHEMA_VERSION:
        # In one transaction: whatever interrupts it leaves the file as it was, and the next one to open it goes on.
        connection.executescript(
            f"BEGIN IMMEDIATE; {' '.join(_STEPS[version:])} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )
    else:
        # Writes one page and takes it back, so that a file that may only be read is refused now, not at the first scan.
        connection.executescript(f"BEGIN IMMEDIATE; PRAGMA user_version = {version}; ROLLBACK")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
