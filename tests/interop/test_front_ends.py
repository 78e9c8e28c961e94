"""Clients written for gateways in the field work against ours as they are: the official ones, in JavaScript and Python.

@gxp-spec SPEC-001-002 "Wire protocol, both dialects"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import socketio

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig
from tests.gateway._peers import PATIENCE_S, Rest

TOKEN = "a-long-secret-token"
NODE_TIMEOUT_S = 60
CONFIG = GatewayConfig(port=0, store="memory:", backoff_s=0.05, max_events_per_s=0)
FRONT_END = Path(__file__).with_name("front_end.mjs")
VENDORED = Path(__file__).parents[2] / "scanwatch" / "gateway" / "static" / "vendor"

FIELD_KEYS = {
    "progress": {"scanId", "progress", "status", "timestamp"},
    "complete": {"scanId", "result", "timestamp"},
    "failed": {"scanId", "error", "timestamp"},
}
PHASES = ["queued", "discovery", "fetch", "parse", "validate", "persist"]


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway(CONFIG) as running:
        yield running


@pytest_asyncio.fixture
async def rest(gateway: Gateway) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, gateway.url)


async def run_front_end(peers: Path, *arguments: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FRONT_END),
        *arguments,
        env={**os.environ, "PEERS": str(peers)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complaints = await asyncio.wait_for(process.communicate(), NODE_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert said, complaints.decode()
    answer: dict[str, Any] = json.loads(said)
    return answer


async def assert_whole_and_in_order(rest: Rest, scan_id: str, heard: list[Any]) -> None:
    """Every event once, in the store's order, each with one argument and all the keys of the field."""
    payloads = []
    for kind, arguments in heard:
        (payload,) = arguments
        assert FIELD_KEYS[kind] <= payload.keys()
        payloads.append(payload)
    assert payloads == await rest.history(scan_id)
    assert len(payloads) > 10


@pytest.mark.needs("node")
@pytest.mark.needs("npm")
@pytest.mark.parametrize(
    ("transports", "used"),
    [
        ("default", ["polling", "websocket"]),
        ("polling,websocket", ["polling", "websocket"]),
        ("websocket", ["websocket"]),
        ("polling", ["polling"]),
    ],
)
async def test_the_official_javascript_client_hears_everything_in_order_without_subscribing(
    gateway: Gateway, rest: Rest, peers: Path, transports: str, used: list[str]
) -> None:
    repository_id = await rest.register("sim://acme/payments?files=40&duration_s=0.6&quirk=burst")
    answer = await run_front_end(peers, gateway.url, repository_id, transports)
    await assert_whole_and_in_order(rest, answer["scanId"], answer["heard"])
    kind, (last,) = answer["heard"][-1]
    assert (kind, last["result"]["status"]) == ("complete", "completed")
    assert {"artifactsCreated", "durationMs"} <= last["result"].keys()
    steps = [said["status"] for kind, (said,) in answer["heard"] if kind == "progress"]
    assert list(dict.fromkeys(steps)) == PHASES
    assert answer["used"] == used


@pytest.mark.needs("node")
@pytest.mark.needs("npm")
async def test_a_failure_reaches_it_once_after_the_last_attempt(gateway: Gateway, rest: Rest, peers: Path) -> None:
    repository_id = await rest.register("sim://acme/payments?files=40&duration_s=0.3&fail=parse")
    answer = await run_front_end(peers, gateway.url, repository_id, "default")
    await assert_whole_and_in_order(rest, answer["scanId"], answer["heard"])
    assert [kind for kind, _ in answer["heard"]].count("failed") == 1
    assert [said["status"] for _, (said,) in answer["heard"] if "status" in said].count("retrying") == 2
    assert answer["heard"][-1][0] == "failed"


@pytest.mark.needs("node")
@pytest.mark.needs("npm")
async def test_it_joins_with_a_token_and_is_told_why_it_may_not_without(peers: Path) -> None:
    config = GatewayConfig(port=0, store="memory:", token=TOKEN, max_events_per_s=0)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with Gateway(config) as guarded, aiohttp.ClientSession(headers=headers) as session:
        rest = Rest(session, guarded.url)
        repository_id = await rest.register("sim://acme/payments?files=40&duration_s=0.3")
        answer = await run_front_end(peers, guarded.url, repository_id, "default", TOKEN)
        await assert_whole_and_in_order(rest, answer["scanId"], answer["heard"])
        refused = await run_front_end(peers, guarded.url, repository_id, "default")
        assert "token" in refused["refused"]
        assert refused["heard"] == []


@pytest.mark.needs("npm")
def test_the_client_in_the_page_is_the_very_same_version(peers: Path) -> None:
    dist = peers / "node_modules" / "socket.io-client"
    name = "socket.io.esm.min.js"
    assert (VENDORED / name).read_bytes() == (dist / "dist" / name).read_bytes()
    assert (VENDORED / "socket.io.LICENSE.txt").read_bytes() == (dist / "LICENSE").read_bytes()


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["websocket"], ["polling"]])
async def test_the_plain_python_client_hears_everything_in_order_without_subscribing(transports: list[str]) -> None:
    client = socketio.Client(reconnection=False, handle_sigint=False)
    async with Gateway(CONFIG) as gateway, aiohttp.ClientSession() as session:
        rest = Rest(session, gateway.url)
        repository_id = await rest.register("sim://acme/payments?files=40&duration_s=0.6&quirk=burst")
        scan_id, heard = await asyncio.to_thread(_watch_plainly, client, gateway.url, repository_id, transports)
        await assert_whole_and_in_order(rest, scan_id, heard)
        leaving = asyncio.create_task(asyncio.to_thread(client.disconnect))
    await leaving  # on polling the client waits for its last poll, which ends with the gateway


def _watch_plainly(
    client: socketio.Client, url: str, repository_id: str, transports: list[str]
) -> tuple[str, list[Any]]:
    """What the blocking client hears of a scan that is triggered once it has joined."""
    ended = threading.Event()
    heard: list[Any] = []

    @client.on("*", namespace=wire.NAMESPACE)
    def on_event(name: str, *arguments: Any) -> None:
        kind = name.split(":")[2]
        heard.append([kind, list(arguments)])
        if kind != "progress":
            ended.set()

    client.connect(url, namespaces=[wire.NAMESPACE], transports=transports, wait_timeout=PATIENCE_S)
    request = urllib.request.Request(f"{url}/{wire.paths.trigger(repository_id)}", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        scan_id = str(json.loads(answer.read())["scanId"])
    assert ended.wait(PATIENCE_S)
    return scan_id, heard
