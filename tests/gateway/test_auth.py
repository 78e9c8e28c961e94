"""Nobody comes in who does not belong: tokens, loopback names, and a refusal before anything is heard.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from socketio.exceptions import ConnectionError as Refused

from scanwatch import wire
from scanwatch.errors import ConfigurationError
from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.gateway._auth import Gatekeeper, Keyring, bearer_token, is_loopback
from scanwatch.gateway._auth import Refused as NotAdmitted
from scanwatch.jobs import SystemClock
from scanwatch.model import Role
from scanwatch.storage import open_store
from tests.gateway._peers import PATIENCE_S, Rest, Watcher, watching

TOKEN = "s3cret token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[Gateway]:
    async with Gateway(GatewayConfig(port=0, store="memory:", token=TOKEN, user="ada")) as running:
        yield running


@pytest.mark.parametrize(
    "header", [None, "", TOKEN, "Bearer", "Bearer ", "Bearer wrong", "Bearer wröng", "Basic x", "bearer"]
)
async def test_rest_answers_401_without_the_token(guarded: Gateway, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession(headers=headers) as session:
        rest = Rest(session, guarded.url)
        for path in (wire.paths.repositories, wire.paths.scans, "api/v1/nothing", "api/v1/health/", "API/v1/scans"):
            status, answer = await rest.ask("GET", path)
            assert (status, answer["statusCode"]) == (401, 401)
            assert "token" in answer["message"]
            assert TOKEN not in answer["message"]
        assert (await rest.get(wire.paths.health))["status"] == "ok"


async def test_the_token_opens_everything_and_names_who_asked(guarded: Gateway) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session, watching(guarded.url, token=TOKEN) as watcher:
        rest = Rest(session, guarded.url)
        scan = await rest.scan("files=5&duration_s=0.05")
        await watcher.subscribe(scan)
        await watcher.until(lambda: watcher.ended(scan))
        assert (await rest.get(wire.paths.scan(scan)))["requestedBy"] == "ada"
        assert len((await rest.get(wire.paths.scans, params={"requestedBy": "ada"}))["data"]) == 1


@pytest.mark.parametrize(
    "auth", [None, {"token": "wrong"}, {"protocol": 1}, {"protocol": 1, "token": ""}, {"token": 5}, ["x"], "x"]
)
async def test_a_refused_client_is_told_so_and_hears_no_event(guarded: Gateway, auth: Any) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session:
        scanning = asyncio.create_task(Rest(session, guarded.url).scan("files=50&duration_s=0.3&quirk=burst"))
        watcher = Watcher()
        told: list[Any] = []
        watcher.client.on("connect_error", told.append, namespace=wire.NAMESPACE)
        with pytest.raises(Refused):
            await watcher.client.connect(
                guarded.url, auth=auth, namespaces=[wire.NAMESPACE], wait_timeout=PATIENCE_S, transports=["websocket"]
            )
        await watcher.client.shutdown()
        await Rest(session, guarded.url).until_ended(await scanning)
        assert watcher.heard == []
        assert "token" in str(told)


@pytest.mark.parametrize("protocol", ["one", [], 1.5])
async def test_a_malformed_handshake_is_refused(gateway: Gateway, protocol: Any) -> None:
    watcher = Watcher()
    with pytest.raises(Refused):
        await watcher.client.connect(
            gateway.url, auth={"protocol": protocol}, namespaces=[wire.NAMESPACE], wait_timeout=PATIENCE_S
        )
    await watcher.client.shutdown()


async def test_another_namespace_is_not_served(gateway: Gateway) -> None:
    watcher = Watcher()
    with pytest.raises(Refused):
        await watcher.client.connect(gateway.url, namespaces=["/"], wait_timeout=PATIENCE_S)
    await watcher.client.shutdown()


async def test_without_a_token_only_loopback_names_are_served(gateway: Gateway, rest: Rest) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        status, answer = await rest.ask("GET", wire.paths.repositories, headers={"Host": host})
        assert status == 403
        assert "token" in answer["message"]
        async with rest.session.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling", headers={"Host": host}) as r:
            assert r.status == 403
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80"):
        assert await rest.get(wire.paths.repositories, headers={"Host": host}) == []


async def test_with_a_token_any_name_is_served_as_behind_a_proxy(guarded: Gateway) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session:
        answer = await Rest(session, guarded.url).get(wire.paths.repositories, headers={"Host": "hub.example"})
        assert answer == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_machines_are_not_served_without_a_token(host: str) -> None:
    with pytest.raises(ConfigurationError, match="token"):
        GatewayConfig(host=host)
    assert GatewayConfig(host=host, token=TOKEN).host == host


def test_a_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(GatewayConfig(token=TOKEN))


def test_a_gatekeeper_compares_whole_tokens() -> None:
    keeper = Gatekeeper(TOKEN, keyring=Keyring(open_store("memory:")), now=SystemClock().now)
    assert keeper.admit(TOKEN).role is Role.ADMIN
    for wrong in (None, "", TOKEN[:-1], TOKEN + "x", "\ud800"):
        with pytest.raises(NotAdmitted, match="token"):
            keeper.admit(wrong)


def test_bearer_tokens_are_read_from_their_header() -> None:
    headers = (None, "", "Basic x", "Bearer", "Bearer x ", "bearer  x", "BEARER x")
    assert [bearer_token(header) for header in headers] == [None, None, None, "", "x", "x", "x"]


def test_loopback_is_known_by_name_and_by_number() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "scan.localhost"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "10.0.0.1", "localhost.evil", "127.0.0.1.evil"]))
