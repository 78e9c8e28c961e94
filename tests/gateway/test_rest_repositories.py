"""Repositories over REST: registered, listed, changed, deleted; what is malformed is named and harms nobody.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig, _rest, _rest_repositories
from scanwatch.gateway._access import make_access
from scanwatch.gateway._engine import Engine
from scanwatch.gateway._fanout import Fanout
from scanwatch.gateway._gate import gate
from scanwatch.gateway._hub import Hub
from scanwatch.gateway._rest_operations import add_operations
from scanwatch.jobs import EmbeddedQueue, SystemClock, Worker
from scanwatch.storage import Store, open_store
from tests.gateway._peers import Rest, watching

paths = wire.paths
UNKNOWN = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"
GOOD = {"name": "Payments", "gitUrl": "sim://acme/payments"}


async def test_health_tells_the_version(rest: Rest) -> None:
    answer = await rest.get(paths.health)
    assert answer.keys() == {"status", "timestamp", "version"}
    assert answer["status"] == "ok"


async def test_the_root_says_what_this_is(rest: Rest) -> None:
    async with rest.session.get(rest.url) as response:
        assert "scanwatch" in await response.text()


async def test_a_repository_is_registered_with_every_key_there(rest: Rest) -> None:
    asked = {**GOOD, "description": "Pays", "autoScan": True, "scanIntervalMinutes": 60}
    status, answer = await rest.ask("POST", paths.repositories, json=asked)
    assert status == 201
    assert {key: answer[key] for key in asked} == asked
    assert (answer["owner"], answer["repo"], answer["defaultBranch"]) == ("acme", "payments", "main")
    assert answer["isRosieCompliant"] is answer["lastScanId"] is answer["lastScanAt"] is None
    assert await rest.get(paths.repository(answer["id"])) == answer


async def test_repositories_are_a_bare_array_newest_first_with_their_last_scan(rest: Rest) -> None:
    first = await rest.register("sim://acme/one?files=5&duration_s=0.05")
    second = await rest.register("sim://acme/two")
    scan = await rest.trigger(first)
    await rest.until_ended(scan)
    rows = await rest.get(paths.repositories)
    assert [row["id"] for row in rows] == [second, first]
    assert (rows[1]["lastScanId"], rows[1]["lastScanStatus"]) == (scan, "completed")


async def test_what_a_change_does_not_name_stays(rest: Rest) -> None:
    repository = await rest.register("sim://acme/one", name="One")
    before = await rest.get(paths.repository(repository))
    status, answer = await rest.ask("PATCH", paths.repository(repository), json={"description": "D", "autoScan": True})
    assert status == 200
    assert answer == before | {"description": "D", "autoScan": True, "updatedAt": answer["updatedAt"]}
    assert (await rest.ask("PATCH", paths.repository(repository), json={}))[1] == answer
    status, answer = await rest.ask("PATCH", paths.repository(repository), json={"description": None})
    assert answer["description"] is None


async def test_a_second_repository_of_the_same_target_is_a_conflict(rest: Rest) -> None:
    await rest.register("sim://acme/one")
    other = await rest.register("sim://acme/two")
    status, answer = await rest.ask("POST", paths.repositories, json={"name": "x", "gitUrl": "sim://acme/one"})
    assert (status, answer["error"]) == (409, "Conflict")
    assert "sim://acme/one" in answer["message"]
    assert (await rest.ask("PATCH", paths.repository(other), json={"gitUrl": "sim://acme/one"}))[0] == 409


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name"),
        ({"name": "x"}, "gitUrl"),
        ({**GOOD, "name": 5}, "name"),
        ({**GOOD, "name": "  "}, "name"),
        ({**GOOD, "name": "x" * 201}, "name"),
        ({**GOOD, "description": "x" * 5001}, "description"),
        ({**GOOD, "autoScan": "yes"}, "autoScan"),
        ({**GOOD, "scanIntervalMinutes": 4}, "interval"),
        ({**GOOD, "scanIntervalMinutes": 10**20}, "interval"),
        ({**GOOD, "scanIntervalMinutes": 1.5}, "scanIntervalMinutes"),
        ({**GOOD, "gitUrl": ""}, "target"),
        ({**GOOD, "gitUrl": "sim://" + "x" * 3000}, "target"),
        ({**GOOD, "gitUrl": "simm://acme/x"}, "sim"),
        ({**GOOD, "gitUrl": "ext::sh -c id"}, "schemes"),
        ([], "repository"),
        ("text", "repository"),
        (None, "repository"),
    ],
)
async def test_a_malformed_repository_is_refused_with_what_is_wrong(rest: Rest, body: Any, named: str) -> None:
    status, answer = await rest.ask("POST", paths.repositories, json=body)
    assert (status, answer["statusCode"]) == (400, 400)
    assert named in answer["message"]
    assert await rest.get(paths.repositories) == []


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b'{"name": "\\ud800", "gitUrl": "sim://a/b"}', b"[" * 200_000, b"nul\0", b"1e999"]
)
async def test_a_body_that_is_no_json_is_refused(rest: Rest, raw: bytes) -> None:
    status, answer = await rest.ask("POST", paths.repositories, data=raw)
    assert status == 400
    assert "Traceback" not in answer["message"]
    assert (await rest.get(paths.health))["status"] == "ok"


async def test_a_body_too_large_is_refused(rest: Rest) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    for data in (io.BytesIO(b"x" * (1024 * 1024 + 1)), endless()):
        status, answer = await rest.ask("POST", paths.repositories, data=data)
        assert (status, answer["statusCode"]) == (413, 413)
        assert "1048576" in answer["message"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_every_route_of_a_repository_names_a_malformed_id_and_misses_an_unknown_one(
    rest: Rest, method: str
) -> None:
    status, answer = await rest.ask(method, paths.repository("no-uuid"), json={})
    assert status == 400
    assert "no-uuid" in answer["message"]
    status, answer = await rest.ask(method, paths.repository(UNKNOWN), json={})
    assert status == 404
    assert UNKNOWN in answer["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", paths.trigger), ("GET", paths.repository_scans)])
async def test_scans_of_a_repository_that_is_not_there_are_not_there(rest: Rest, method: str, path: Any) -> None:
    assert (await rest.ask(method, path("no-uuid")))[0] == 400
    assert (await rest.ask(method, path(UNKNOWN)))[0] == 404


async def test_a_malformed_trigger_creates_no_scan(rest: Rest) -> None:
    repository = await rest.register("sim://acme/one")
    for body in ({"options": []}, {"options": None}, [], "x"):
        assert (await rest.ask("POST", paths.trigger(repository), json=body))[0] == 400
    assert (await rest.get(paths.scans))["data"] == []


async def test_paths_and_methods_that_are_not_there_are_answered_in_the_envelope(rest: Rest) -> None:
    status, answer = await rest.ask("GET", "api/v1/nothing")
    assert (status, answer["statusCode"]) == (404, 404)
    status, answer = await rest.ask("PUT", paths.repositories)
    assert (status, answer["statusCode"]) == (405, 405)
    assert "GET, HEAD, POST" in answer["message"]


async def test_deleting_a_repository_ends_its_scans_and_takes_them_away(gateway: Gateway, rest: Rest) -> None:
    repository = await rest.register("sim://acme/one?files=8&duration_s=0.05&stall=fetch")
    stuck = [await rest.trigger(repository) for _ in range(4)]
    async with watching(gateway.url) as watcher:
        await watcher.subscribe(*stuck)
        assert (await rest.ask("DELETE", paths.repository(repository)))[0] == 204
        await watcher.until(lambda: all(map(watcher.ended, stuck)))
        assert {event["code"] for event in watcher.events if "code" in event} == {"cancelled"}
        assert (await watcher.subscribe(stuck[0]))["code"] == "not_found"
    assert (await rest.ask("DELETE", paths.repository(repository)))[0] == 404
    assert (await rest.ask("GET", paths.scan(stuck[0])))[0] == 404
    assert (await rest.until_ended(await rest.scan("files=5&duration_s=0.05")))["status"] == "completed"


async def test_a_directory_that_vanishes_before_its_scan_fails_with_words(rest: Rest, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    repository = await rest.register(str(checkout))
    shutil.rmtree(checkout)
    status, answer = await rest.ask("POST", paths.trigger(repository))
    assert status == 202
    row = await rest.until_ended(answer["scanId"])
    assert row["status"] == "failed"
    assert str(checkout) in row["errorMessage"]
    assert "Traceback" not in row["errorMessage"]
    assert (await rest.until_ended(await rest.scan("files=5&duration_s=0.05")))["status"] == "completed"


async def test_local_paths_can_be_forbidden(tmp_path: Path) -> None:
    config = GatewayConfig(port=0, store="memory:", allow_local_paths=False)
    async with Gateway(config) as gateway, aiohttp.ClientSession() as session:
        rest = Rest(session, gateway.url)
        for target in (str(tmp_path), f"file://{tmp_path}"):
            status, answer = await rest.ask("POST", paths.repositories, json={"name": "x", "gitUrl": target})
            assert status == 400
            assert "local" in answer["message"]
        await rest.register("sim://acme/one")


async def test_an_error_of_ours_is_logged_and_answered_without_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    store = open_store("memory:")
    await store.open()
    access = await make_access(GatewayConfig(), store, SystemClock())
    queue, hub, nothing = EmbeddedQueue(), Hub(store, Fanout(Engine().wires)), cast(Store, None)
    app = web.Application(middlewares=[*_rest.middlewares(), gate])
    app[_rest.SERVICES] = _rest.Services(nothing, queue, Worker(store, queue), hub, access, clock=SystemClock())
    add_operations(app, _rest_repositories.operations())
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        status, answer = await Rest(session, f"http://127.0.0.1:{server.port}").ask("GET", paths.repositories)
    assert (status, answer["error"]) == (500, "Internal Server Error")
    assert "NoneType" not in answer["message"]
    assert "GET /api/v1/repositories failed" in caplog.text
    await store.close()
