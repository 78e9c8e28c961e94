"""Every store keeps API keys and the trail of acts alike.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from scanwatch.errors import DuplicateRecord, UnknownRecord, UsageError
from scanwatch.model import ApiKey, AuditEntry, Role
from scanwatch.storage import ScanFilter, Store
from tests.storage.records import START, at, begin, queued, repository, request

KEY = ApiKey("key", "ada", Role.OPERATOR, START, "d1", ("repo", "sim://acme/*"), "root", at(60))
NAIVE = datetime(2026, 11, 22)  # noqa: DTZ001 that is the point


async def test_keys_are_kept_whole_and_listed_newest_first(store: Store) -> None:
    await store.create_key(KEY)
    second = ApiKey("second", "bo", Role.VIEWER, START, "d2")
    await store.create_key(second)
    assert await store.keys() == [second, KEY]


@pytest.mark.parametrize("clash", [{"digest": "other"}, {"id": "other"}])
async def test_a_key_with_the_id_or_the_digest_of_another_is_refused(store: Store, clash: dict[str, str]) -> None:
    await store.create_key(KEY)
    with pytest.raises(DuplicateRecord, match="API key"):
        await store.create_key(replace(KEY, **clash))
    assert await store.keys() == [KEY]


async def test_a_revoked_key_stays_revoked_since_the_first_time(store: Store) -> None:
    await store.create_key(KEY)
    revoked = await store.revoke_key("key", at(5))
    assert revoked == replace(KEY, revoked_at=at(5))
    assert await store.revoke_key("key", at(9)) == revoked
    assert await store.keys() == [revoked]
    with pytest.raises(UnknownRecord, match="no API key other"):
        await store.revoke_key("other", at(5))


async def test_the_trail_is_read_newest_first_page_by_page(store: Store) -> None:
    entries = [
        AuditEntry(at(i), "scan.trigger", "ada", f"scan-{i}", "repo", "key", "words", i % 2 == 0) for i in range(5)
    ]
    for entry in entries:
        await store.add_audit(entry)
    first, last = await store.audit(limit=2), await store.audit(page=3, limit=2)
    assert (first.rows, first.total) == ((entries[4], entries[3]), 5)
    assert last.rows == (entries[0],)
    with pytest.raises(UsageError, match="page"):
        await store.audit(page=0)


async def test_times_without_a_zone_are_refused(store: Store) -> None:
    await store.create_key(KEY)
    for refused in (
        store.create_key(replace(KEY, id="n", digest="n", expires_at=NAIVE)),
        store.revoke_key("key", NAIVE),
        store.add_audit(AuditEntry(NAIVE, "scan.trigger")),
    ):
        with pytest.raises(UsageError, match="time zone"):
            await refused
    assert (await store.keys(), (await store.audit()).total) == ([KEY], 0)


async def test_scans_of_some_repositories_are_listed_and_counted_alone(store: Store) -> None:
    await begin(store)
    for name in ("two", "three"):
        await store.create_repository(repository(name))
        await store.create_scan(request(f"scan-{name}", name), queued(f"scan-{name}"))
    some = await store.scans(ScanFilter(repository_ids=frozenset({"two", "three", "nowhere"})), limit=1)
    assert (some.total, len(some.rows)) == (2, 1)
    assert (await store.scans(ScanFilter(repository_ids=frozenset()))).total == 0
    assert (await store.scans(ScanFilter(repository_ids=frozenset({"two"}), repository_id="three"))).total == 0
    many = frozenset({"repo", *map(str, range(40_000))})
    assert (await store.scans(ScanFilter(repository_ids=many))).total == 1
