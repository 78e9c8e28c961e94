"""API keys: shown once, kept hashed, bound to a role and to repositories, ended at once.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refused

from scanwatch import wire
from scanwatch.gateway._gate import right_needed
from scanwatch.gateway._rest_operations import Operation
from scanwatch.gateway._surface import operations
from scanwatch.model import Role
from tests.gateway._access import TOKEN, calling, guarded, make_key
from tests.gateway._peers import PATIENCE_S, Rest, Watcher, watching

paths = wire.paths
UNKNOWN = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"
QUICK = "files=5&duration_s=0.05"
SLOW = "files=50&duration_s=30"


async def refused(url: str, token: str | None) -> str:
    """What a client is told that may not connect."""
    watcher, told = Watcher(), []
    watcher.client.on("connect_error", told.append, namespace=wire.NAMESPACE)
    with pytest.raises(Refused):
        await watcher.client.connect(
            url, auth={"protocol": 1, "token": token}, namespaces=[wire.NAMESPACE], wait_timeout=PATIENCE_S
        )
    await watcher.client.shutdown()
    return str(told)


async def status_of(rest: Rest, method: str, path: str, **request: Any) -> int:
    return (await rest.ask(method, path, **request))[0]


# Made, shown once, kept hashed


async def test_a_key_is_shown_once_and_kept_hashed(tmp_path: Path) -> None:
    store = tmp_path / "scans.db"
    async with guarded(store=f"sqlite:///{store}") as (_, admin):
        made = await make_key(admin, role="operator", repositories=["sim://acme/**"])
        assert made["token"].startswith("swk_")
        assert len(made["token"]) > 40
        (listed,) = await admin.get(paths.tokens)
        assert listed == {key: value for key, value in made.items() if key != "token"}
        assert (listed["createdBy"], listed["role"]) == ("root", "operator")
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made["token"].encode() not in kept
    assert b"sim://acme/**" in kept


async def test_keys_outlive_the_gateway_that_made_them(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    async with guarded(store=store) as (_, admin):
        good, bad = await make_key(admin, "good"), await make_key(admin, "bad")
        assert await status_of(admin, "DELETE", paths.token(bad["id"])) == 204
    async with guarded(store=store) as (gateway, _):
        async with calling(gateway.url, good["token"]) as ada:
            assert await ada.get(paths.scans)
        async with calling(gateway.url, bad["token"]) as bo:
            status, answer = await bo.ask("GET", paths.scans)
            assert (status, "revoked" in answer["message"]) == (401, True)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a", "role": "admin"}, "admin"),
        ({"name": "a", "role": "king"}, "viewer"),
        ({"name": "a", "repositories": []}, "repositories"),
        ({"name": "a", "repositories": ["*"]}, "repository"),
        ({"name": "a", "repositories": ["sim://a/" + "x" * 2000]}, "repository"),
        ({"name": "a", "repositories": "sim://a"}, "repositories"),
        ({"name": "a", "expiresAt": "2001-01-01T00:00:00Z"}, "expired"),
        ({"name": "a", "expiresAt": "soon"}, "time"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(said: dict[str, Any], says: str) -> None:
    async with guarded() as (_, admin):
        status, answer = await admin.ask("POST", paths.tokens, json=said)
        assert (status, says in answer["message"]) == (400, True), answer
        assert await admin.get(paths.tokens) == []


async def test_no_token_is_in_the_log_or_in_a_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded() as (gateway, admin):
        made = await make_key(admin)
        async with calling(gateway.url, made["token"]) as ada, watching(gateway.url, token=made["token"]):
            await ada.ask("POST", paths.repositories, json={})
        assert await refused(gateway.url, made["token"] + "x")
        assert made["token"] not in repr(gateway.config)
    assert made["token"] not in caplog.text
    assert TOKEN not in caplog.text


# Roles


def concrete(operation: Operation) -> str:
    path = operation.url.lstrip("/")
    for name in operation.ids:
        path = path.replace(f"{{{name}}}", UNKNOWN)
    return path


async def answered(url: str, token: str | None, operation: Operation) -> tuple[int, str]:
    async with (
        calling(url, token) as rest,
        rest.session.request(operation.method, f"{url}/{concrete(operation)}") as answer,
    ):
        return answer.status, await answer.text()


GUARDED = [operation for operation in operations() if not operation.is_open]


async def test_every_route_refuses_whoever_lacks_the_right_it_needs() -> None:
    async with guarded() as (gateway, admin):
        keys = {role: (await make_key(admin, role, role=role))["token"] for role in ("viewer", "operator")}
        for operation in GUARDED:
            needed = right_needed(operation.method, operation.url)
            for role, token in keys.items():
                status, said = await answered(gateway.url, token, operation)
                may = needed is Role.VIEWER or (needed is Role.OPERATOR and role == "operator")
                assert (status == 403) is not may, (operation.method, operation.url, role, status)
                assert may or needed in said
            assert (await answered(gateway.url, None, operation))[0] == 401


def test_rights_are_as_the_documentation_lists_them() -> None:
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    for operation in operations():
        needed = "nothing" if operation.is_open else right_needed(operation.method, operation.url).value
        row = f"| `{operation.method} {operation.url}` | {needed} |"
        assert row in text, row


async def test_a_viewer_watches_and_does_nothing_else() -> None:
    async with guarded() as (gateway, admin):
        scan = await admin.scan(QUICK)
        viewer = (await make_key(admin))["token"]
        async with calling(gateway.url, viewer) as ada, watching(gateway.url, token=viewer) as watcher:
            assert (await watcher.subscribe(scan))["ok"]
            row = await ada.until_ended(scan)
            assert row["requestedBy"] == "root"
            for path in (paths.retry(scan), paths.cancel(scan), paths.trigger(row["repositoryId"])):
                assert await status_of(ada, "POST", path) == 403
            assert await status_of(ada, "DELETE", paths.repository(row["repositoryId"])) == 403
        assert (await admin.get(paths.scans))["pagination"]["total"] == 1


async def test_a_scan_is_requested_by_the_name_of_the_key() -> None:
    async with guarded() as (gateway, admin):
        operator = (await make_key(admin, "bo", role="operator"))["token"]
        async with calling(gateway.url, operator) as bo:
            row = await bo.until_ended(await bo.scan(QUICK))
            assert row["requestedBy"] == "bo"


# Some repositories


async def test_a_scoped_key_sees_its_repositories_and_no_trace_of_others() -> None:
    async with guarded() as (gateway, admin):
        mine = await admin.register(f"sim://acme/one?{QUICK}")
        other = await admin.register(f"sim://secret/two?{QUICK}")
        scans = [await admin.trigger(one) for one in (mine, other)]
        for scan in scans:
            await admin.until_ended(scan)
        for entry in ("sim://acme/**", mine, f"sim://acme/one?{QUICK}"):
            token = (await make_key(admin, role="operator", repositories=[entry]))["token"]
            async with calling(gateway.url, token) as ada:
                assert [row["id"] for row in await ada.get(paths.repositories)] == [mine]
                page = await ada.get(paths.scans)
                assert ([row["id"] for row in page["data"]], page["pagination"]["total"]) == ([scans[0]], 1)
                for operation in GUARDED:
                    named = scans[1] if "/scans/" in operation.url else other
                    if right_needed(operation.method, operation.url) is Role.ADMIN or "id" not in operation.ids:
                        continue
                    path = concrete(operation).replace(UNKNOWN, named, 1)
                    status, answer = await ada.ask(operation.method, path)
                    assert status == 404, (operation.method, operation.url, status, answer)
                    assert answer["message"] == f"There is no {answer['message'].split()[3]} {named} in this store."
                assert await status_of(ada, "GET", "metrics") == 403
                assert await status_of(ada, "GET", "nothing/here") in (403, 404)
        assert (await admin.get(paths.repository(other)))["id"] == other


async def test_a_scoped_operator_registers_and_moves_within_its_scope_only() -> None:
    async with guarded() as (gateway, admin):
        token = (await make_key(admin, role="operator", repositories=["sim://acme/*"]))["token"]
        async with calling(gateway.url, token) as ada:
            mine = await ada.register("sim://acme/one")
            for target in ("sim://secret/x", "sim://acme/../secret/x", "sim://acme/%2e%2e/x", "sim://acme/a/b"):
                body = {"name": "x", "gitUrl": target}
                assert await status_of(ada, "POST", paths.repositories, json=body) == 403
                assert await status_of(ada, "PATCH", paths.repository(mine), json={"gitUrl": target}) == 403
            assert await status_of(ada, "PATCH", paths.repository(mine), json={"gitUrl": "sim://acme/two"}) == 200


async def test_a_scoped_client_hears_its_repositories_and_nothing_of_others() -> None:
    async with guarded() as (gateway, admin):
        token = (await make_key(admin, repositories=["sim://acme/**"]))["token"]
        wide = (await make_key(admin))["token"]
        old = await admin.until_ended(await admin.trigger(await admin.register(f"sim://secret/old?{QUICK}")))
        async with (
            watching(gateway.url, token=token) as ours,
            watching(gateway.url, token=token, field=True) as field,
            watching(gateway.url, token=wide, field=True) as everything,
        ):
            assert (await ours.subscribe(all=True))["scans"] == []
            [hello] = [said for name, said in ours.heard if name == wire.GATEWAY]
            assert hello["workers"] is None, "they may be busy with what this client does not see"
            mine = await admin.trigger(await admin.register(f"sim://acme/one?{QUICK}"))
            other = await admin.trigger(await admin.register(f"sim://secret/two?{QUICK}"))
            for name, scan in (("other", other), ("old", old["id"])):
                answer = await ours.subscribe(scan)
                assert (answer["ok"], answer["code"]) == (False, "not_found"), name
            await everything.until(lambda: everything.ended(mine) and everything.ended(other))
            for watcher in (ours, field):
                await watcher.until(lambda watcher=watcher: watcher.ended(mine))
                assert {event["scanId"] for event in watcher.events} == {mine}
                assert watcher.seqs(mine) == everything.seqs(mine)


async def test_a_client_joins_anew_when_a_repository_leaves_its_scope() -> None:
    async with guarded() as (gateway, admin):
        token = (await make_key(admin, repositories=["sim://acme/**"]))["token"]
        repository = await admin.register(f"sim://acme/one?{SLOW}")
        scan = await admin.trigger(repository)
        async with watching(gateway.url, token=token) as ours:
            assert (await ours.subscribe(scan))["ok"]
            await admin.ask("PATCH", paths.repository(repository), json={"gitUrl": f"sim://secret/one?{SLOW}"})
            await ours.until(lambda: any(name == wire.REFUSED for name, _ in ours.heard))
        async with watching(gateway.url, token=token) as ours:
            assert (await ours.subscribe(scan))["code"] == "not_found"
        await admin.ask("DELETE", paths.repository(repository))


# Ended


@pytest.mark.parametrize("field", [False, True])
async def test_a_revoked_key_ends_its_live_connections_and_opens_nothing(field: bool) -> None:
    async with guarded() as (gateway, admin):
        made, other = await make_key(admin, role="operator"), await make_key(admin)
        async with (
            watching(gateway.url, token=made["token"], field=field) as ended,
            watching(gateway.url, token=other["token"]) as stays,
        ):
            assert await status_of(admin, "DELETE", paths.token(made["id"])) == 204
            await ended.until(lambda: any(name == wire.REFUSED for name, _ in ended.heard))
            (said,) = [payload for name, payload in ended.heard if name == wire.REFUSED]
            assert (said["code"], "revoked" in said["message"]) == ("revoked", True)
            async with asyncio.timeout(PATIENCE_S):
                while ended.client.connected:
                    await asyncio.sleep(0.01)
            scan = await admin.scan(QUICK)
            assert (await stays.subscribe(scan))["ok"]
            await admin.until_ended(scan)
            assert ended.events == []
        assert "revoked" in await refused(gateway.url, made["token"])
        async with calling(gateway.url, made["token"]) as ada:
            assert await status_of(ada, "GET", paths.scans) == 401
        assert await status_of(admin, "DELETE", paths.token(made["id"])) == 204
        assert await status_of(admin, "DELETE", paths.token(UNKNOWN)) == 404
        assert await status_of(admin, "DELETE", paths.token("x")) == 400


async def test_a_key_that_expires_ends_its_live_connections_and_opens_nothing() -> None:
    async with guarded() as (gateway, admin):
        soon = datetime.now(UTC) + timedelta(seconds=1)
        made = await make_key(admin, expiresAt=wire.to_time(soon))
        async with watching(gateway.url, token=made["token"]) as ended:
            await ended.until(lambda: any(name == wire.REFUSED for name, _ in ended.heard))
            assert ended.heard[-1][1]["code"] == "expired"
        assert "expired" in await refused(gateway.url, made["token"])
        async with calling(gateway.url, made["token"]) as ada:
            status, answer = await ada.ask("GET", paths.scans)
            assert (status, "expired" in answer["message"]) == (401, True)


async def test_a_token_in_a_query_string_opens_nothing_and_is_told_so() -> None:
    async with guarded() as (gateway, admin):
        for name in ("token", "access_token"):
            async with calling(gateway.url, None) as stranger:
                status, answer = await stranger.ask("GET", paths.scans, params={name: TOKEN})
                assert (status, "Authorization: Bearer" in answer["message"]) == (400, True)
            async with admin.session.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling&{name}={TOKEN}") as answer:
                assert answer.status == 400
                assert TOKEN not in await answer.text()
