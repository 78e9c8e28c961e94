"""Every act leaves a row that says who did it; so do refusals, as many as the disk can bear.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from pathlib import Path

from scanwatch import wire
from scanwatch.gateway._audit import REFUSALS_PER_MINUTE, Trail
from scanwatch.storage import open_store
from scanwatch.testing import FakeClock
from tests.gateway._access import TOKEN, calling, guarded, make_key
from tests.gateway._peers import watching

paths = wire.paths
QUICK = "files=5&duration_s=0.05"


async def test_every_act_is_a_row_with_who_what_and_when() -> None:
    async with guarded() as (gateway, admin):
        key = await make_key(admin, "bo", role="operator")
        async with calling(gateway.url, key["token"]) as bo:
            repository = await bo.register(f"sim://acme/x?{QUICK}")
            await bo.ask("PATCH", paths.repository(repository), json={"name": "y"})
            scan = await bo.trigger(repository)
            await bo.until_ended(scan)
            again = (await bo.ask("POST", paths.retry(scan)))[1]["scanId"]
            await bo.until_ended(again)
            third = await bo.trigger(repository)
            await bo.ask("POST", paths.cancel(third))
            await bo.ask("DELETE", paths.repository(repository))
            await bo.get(paths.scans)
        await admin.ask("DELETE", paths.token(key["id"]))
        rows = (await admin.get(paths.audit, params={"limit": 100}))["data"][::-1]
        told = [(row["act"], row["actor"], row["scanId"], row["repositoryId"], row["tokenId"]) for row in rows]
        assert told == [
            ("token.create", "root", None, None, key["id"]),
            ("repository.register", "bo", None, repository, key["id"]),
            ("repository.change", "bo", None, repository, key["id"]),
            ("scan.trigger", "bo", scan, repository, key["id"]),
            ("scan.retry", "bo", again, None, key["id"]),
            ("scan.trigger", "bo", third, repository, key["id"]),
            ("scan.cancel", "bo", third, None, key["id"]),
            ("repository.delete", "bo", None, repository, key["id"]),
            ("token.revoke", "root", None, None, key["id"]),
        ]
        assert all(row["allowed"] and row["time"].endswith("Z") for row in rows)
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


async def test_what_was_not_done_leaves_no_row_and_what_was_refused_does() -> None:
    async with guarded() as (gateway, admin):
        viewer = await make_key(admin, "ada")
        await admin.ask("POST", paths.repositories, json={"name": ""})
        async with calling(gateway.url, viewer["token"]) as ada:
            await ada.ask("POST", paths.repositories, json={"name": "x", "gitUrl": "sim://acme/x"})
            await ada.ask("GET", paths.audit)
        async with calling(gateway.url, "wrong-token-of-somebody") as stranger:
            await stranger.ask("GET", paths.scans)
        async with calling(gateway.url, None) as nobody:
            await nobody.ask("GET", paths.scans)
        page = await admin.get(paths.audit)
        refused = [row for row in page["data"] if not row["allowed"]]
        assert [(row["act"], row["actor"]) for row in refused] == [
            ("token.refused", None),
            ("GET /api/v1/audit", "ada"),
            ("repository.register", "ada"),
        ]
        assert page["pagination"]["total"] == 4
        assert "wrong-token" not in str(page)
        assert TOKEN not in str(page)
        assert "viewer" in refused[2]["detail"]


async def test_the_trail_is_paged_and_outlives_the_gateway(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    async with guarded(store=store) as (_, admin):
        for number in range(5):
            await admin.register(f"sim://acme/{number}")
    async with guarded(store=store) as (gateway, admin):
        page = await admin.get(paths.audit, params={"page": 2, "limit": 2})
        assert (len(page["data"]), page["pagination"]["total"]) == (2, 5)
        assert page["pagination"]["hasNext"] is page["pagination"]["hasPrevious"] is True
        async with watching(gateway.url, token=TOKEN):
            assert (await admin.get(paths.audit))["pagination"]["total"] == 5


async def test_refusals_are_written_down_at_a_bounded_pace_and_the_rest_is_counted() -> None:
    store, clock = open_store("memory:"), FakeClock()
    await store.open()
    trail = Trail(store, clock)
    for _ in range(REFUSALS_PER_MINUTE + 40):
        await trail.refused("token.refused", None, "The token is not valid.", address="192.0.2.1")
    assert (await store.audit()).total == REFUSALS_PER_MINUTE
    clock.advance(60)
    await trail.refused("token.refused", None, "The token is not valid.", address="192.0.2.1")
    detail = (await store.audit()).rows[0].detail
    assert detail == "The token is not valid. From 192.0.2.1. (40 more were refused before)"
    await store.close()
