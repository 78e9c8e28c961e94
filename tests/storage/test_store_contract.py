"""Every store gives the same answers about scans, repositories and results.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from scanwatch.errors import (
    DuplicateRecord,
    Fenced,
    StoreError,
    UnknownRecord,
    UsageError,
)
from scanwatch.model import (
    Annotation,
    Artifact,
    Evidence,
    Finding,
    ScanOutcome,
    ScanStatus,
    Turn,
)
from scanwatch.storage import ScanFilter, Store
from tests.storage.records import START, at, begin, complete, failed, fetching, queued, repository, request

ALL = ScanFilter()
PROVEN = (Evidence("EV-SPEC-1", "evidence_jws", "a.jws", "SPEC-1", time=START, passed=3, intact=False),)
FOUND = (Finding("r", "info", "m"),)
TAGGED = (Annotation("a.py", 3, "REQ-1", "gxp-req", "draft-03", traces=("US-1", "US-2"), resolved=True),)


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
    for ask in (
        store.snapshot,
        store.request,
        store.artifacts,
        store.findings,
        store.annotations,
        store.evidence,
        store.begin_run,
    ):
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
    assert (await store.annotations("scan")).total == (await store.evidence("scan")).total == 0


async def test_an_outcome_comes_back_in_the_scanners_order_page_by_page(store: Store) -> None:
    await begin(store)
    said = {"acceptance_criteria": ("one", "dos"), "description": ("a",)}
    artifacts = tuple(Artifact(f"REQ-{i}", "requirement", f"Título {i}", line=i, details=said) for i in (5, 1, 4, 2, 3))
    findings = (Finding("parent-missing", "error", "REQ-1 has no parent", "REQ-1", "a.md", 3, "name one", True),)
    await store.save_outcome(
        "scan", ScanOutcome(artifacts, findings, files=3, annotations=TAGGED, evidence=PROVEN), run=0
    )
    pages = [await store.artifacts("scan", page=page, limit=2) for page in (1, 2, 3, 4)]
    assert [page.rows for page in pages] == [artifacts[:2], artifacts[2:4], artifacts[4:], ()]
    assert {page.total for page in pages} == {5}
    assert (await store.findings("scan")).rows == findings
    assert (await store.annotations("scan")).rows == TAGGED
    assert (await store.evidence("scan")).rows == PROVEN
    with pytest.raises(UsageError, match="page counts from 1"):
        await store.findings("scan", page=0)


async def test_a_later_outcome_replaces_the_earlier_one_whole(store: Store) -> None:
    await begin(store)
    first = await store.begin_run("scan")
    old = ScanOutcome(tuple(Artifact(f"OLD-{i}", "spec") for i in range(9)), FOUND, annotations=TAGGED, evidence=PROVEN)
    await store.save_outcome("scan", old, run=first)
    second = await store.begin_run("scan")
    new = ScanOutcome((Artifact("NEW-1", "spec"),))
    await store.save_outcome("scan", new, run=second)
    with pytest.raises(Fenced):
        await store.save_outcome("scan", old, run=first)
    assert (await store.artifacts("scan")).rows == new.artifacts
    assert (await store.findings("scan")).rows == (await store.annotations("scan")).rows == ()
    assert (await store.evidence("scan")).rows == ()


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
