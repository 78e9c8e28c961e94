"""A client that polls is understood however its messages travel.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.gateway._engine import Engine
from scanwatch.wire import encode_subscribe

NOBODY = [f"00000000-0000-4000-8000-{number:012}" for number in range(2000)]


async def body_in_two(body: bytes, cut: int) -> AsyncIterator[bytes]:
    yield body[:cut]
    await asyncio.sleep(0.05)
    yield body[cut:]


@pytest.mark.parametrize(("scans", "cut", "answer"), [(50, 60, "not_found"), (2000, 70_000, "limit")])
async def test_a_message_that_arrives_in_parts_is_answered(scans: int, cut: int, answer: str) -> None:
    message = b'42/ws,1["subscribe",' + json.dumps(encode_subscribe(NOBODY[:scans])).encode() + b"]"
    async with Gateway(GatewayConfig(port=0, store="memory:")) as gateway, aiohttp.ClientSession() as session:
        url = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
        opened = await (await session.get(url)).text()
        url += f"&sid={json.loads(opened[1:])['sid']}"
        await session.post(url, data='40/ws,{"protocol":1}')
        length = {"Content-Length": str(len(message))}
        async with session.post(url, data=body_in_two(message, cut), headers=length) as posted:
            assert posted.status == 200
        heard = ""
        async with asyncio.timeout(10):
            while "43/ws,1" not in heard:
                heard += await (await session.get(url)).text()
        assert answer in heard
        await session.post(url, data="1")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_asks_for_a_session_that_has_just_ended_is_told_to_begin_anew(
    engines: list[Engine], caplog: pytest.LogCaptureFixture, method: str
) -> None:
    async with Gateway(GatewayConfig(port=0, store="memory:")) as gateway, aiohttp.ClientSession() as session:
        url = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
        sid = json.loads((await (await session.get(url)).text())[1:])["sid"]
        engines[0].server.eio.sockets[sid].closed = True  # it ran out of time, and is put away a moment later
        async with session.request(method, f"{url}&sid={sid}", data="3" if method == "POST" else None) as answer:
            assert answer.status == 400
    assert "failed" not in caplog.text
