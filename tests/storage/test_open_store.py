"""A URL says which store; what names none is refused with the forms that do.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scanwatch.errors import ConfigurationError
from scanwatch.storage import open_store
from scanwatch.storage._memory import MemoryStore
from scanwatch.storage._sqlite import SqliteStore


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///scans.db", "scans.db"),
        ("sqlite:///data/scans.db", "data/scans.db"),
        ("sqlite:////var/lib/scans.db", "/var/lib/scans.db"),
        ("sqlite:///C:/Users/ann/scans.db", "C:/Users/ann/scans.db"),
        ("sqlite:///my scans 100%.db", "my scans 100%.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str) -> None:
    store = open_store(url)
    assert isinstance(store, SqliteStore)
    assert store.path == Path(path)


def test_memory_needs_no_name() -> None:
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlit:///scans.db", "'sqlit:///scans.db' names no kind of store"),
        ("scans.db", "names no kind of store"),
        ("", "names no kind of store"),
        ("memory:scans", "names no kind of store"),
        ("sqlite:///", "names no file: it takes three slashes"),
        ("sqlite:scans.db", "names no file: it takes three slashes"),
        ("sqlite://scans.db", "names no file: it takes three slashes"),
        ("sqlite:///:memory:", "A SQLite store is a file"),
    ],
)
def test_what_names_no_store_is_refused_with_the_forms_that_do(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refusal:
        open_store(url)
    for form in ("sqlite:///scans.db", "sqlite:////var/lib/scans.db", "memory:", "redis://host:6379/0"):
        assert form in str(refusal.value)
