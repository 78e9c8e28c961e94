"""Every store forgets what it is told to, and nothing of a scan that has not ended.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

from scanwatch.errors import ScanEnded, UnknownRecord
from scanwatch.model import Artifact, ScanOutcome, ScanStatus
from scanwatch.storage import ScanFilter, Store
from tests.storage.records import at, begin, complete, fetching


async def ended(store: Store, scan_id: str, *, time: float, reports: int = 3) -> None:
    """A scan that began at ``time`` and ended ten seconds later."""
    await begin(store, scan_id, time=time)
    for done in range(reports):
        await store.append(fetching(scan_id, done=done, time=time + 1), key=f"report {done}")
    await store.save_outcome(scan_id, ScanOutcome((Artifact("REQ-001", "requirement"),)), run=0)
    await store.append(complete(scan_id, time=time + 10))


async def seqs(store: Store, scan_id: str, after: int = 0, limit: int = 100) -> list[int | None]:
    return [event.seq for event in await store.events(scan_id, after=after, limit=limit)]


async def test_events_of_old_ends_go_oldest_first_and_the_snapshot_stays(store: Store) -> None:
    await ended(store, "old", time=0)
    await ended(store, "new", time=100)
    before = await store.snapshot("old")
    assert await store.prune_events(at(50), limit=2) == 2
    assert await seqs(store, "old") == [3, 4, 5]
    assert await seqs(store, "old", after=1, limit=2) == [3, 4]
    assert await seqs(store, "old", after=4) == [5]
    assert await store.prune_events(at(50), limit=100) == 3
    assert await store.prune_events(at(50), limit=100) == 0
    assert await seqs(store, "old") == []
    assert await seqs(store, "new") == [1, 2, 3, 4, 5]
    assert await store.snapshot("old") == before
    assert (await store.artifacts("old")).total == 1
    assert [row.scan_id for row in (await store.scans(ScanFilter())).rows] == ["new", "old"]


async def test_one_batch_reaches_over_several_scans(store: Store) -> None:
    for number in range(4):
        await ended(store, f"scan-{number}", time=number, reports=1)
    assert await store.prune_events(at(50), limit=7) == 7
    assert [len(await seqs(store, f"scan-{number}")) for number in range(4)] == [0, 0, 2, 3]


async def test_the_end_counts_and_not_the_beginning(store: Store) -> None:
    await ended(store, "scan", time=0)
    assert await store.prune_events(at(10)) == await store.prune_scans(at(10)) == 0
    assert await store.prune_events(at(10.001)) == 5


async def test_a_scan_that_has_not_ended_stays_however_old(store: Store) -> None:
    await begin(store, "queued")
    await begin(store, "running")
    await store.append(fetching("running"))
    assert await store.prune_events(at(1e6)) == await store.prune_scans(at(1e6)) == 0
    assert await store.unfinished() == ["queued", "running"]


async def test_old_scans_go_with_all_that_is_kept_of_them_a_few_at_a_time(store: Store) -> None:
    for number in range(5):
        await ended(store, f"scan-{number}", time=number)
    assert [await store.prune_scans(at(50), limit=2) for _ in range(4)] == [2, 2, 1, 0]
    for ask in (store.snapshot, store.request, store.artifacts):
        with pytest.raises(UnknownRecord):
            await ask("scan-0")
    with pytest.raises(UnknownRecord):
        await store.append(fetching("scan-0"))
    assert await seqs(store, "scan-0") == []
    assert (await store.repository("repo")).last_scan_id is None


async def test_a_repeat_of_a_pruned_event_is_refused_like_any_append_after_the_end(store: Store) -> None:
    await ended(store, "scan", time=0)
    assert (await store.append(fetching("scan", done=2), key="report 2")).seq == 4
    assert await store.prune_events(at(50)) == 5
    with pytest.raises(ScanEnded):
        await store.append(fetching("scan", done=2), key="report 2")
    assert (await store.snapshot("scan")).status is ScanStatus.COMPLETED
