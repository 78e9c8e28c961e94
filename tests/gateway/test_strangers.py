"""Peers that talk nonsense are cut off, and those that begin something and never finish it are not waited for.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.gateway._packets import Sense, is_poll, sense_of
from scanwatch.gateway._patience import Patience, Requests
from scanwatch.testing import FakeClock
from tests.gateway._access import TOKEN, calling, guarded
from tests.gateway._peers import PATIENCE_S, Rest, watching
from tests.gateway._wired import progress, raw, wired

BOTH = pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "library"])


@pytest.mark.parametrize(
    "message",
    [
        '2/ws,["subscribe",{"all":true}]',
        '2/ws,7["unsubscribe",{}]',
        "0/ws,",
        '0/ws,{"protocol":1}',
        "0",
        "1/ws,",
        "0/x,",
    ],
)
def test_what_clients_say_is_heeded(message: str) -> None:
    assert sense_of(message) is Sense.HEED


@pytest.mark.parametrize("message", ["3/ws,1[]", '3/ws,9["' + "x" * 1000 + '"]'])
def test_an_acknowledgement_nobody_asked_for_is_ignored(message: str) -> None:
    assert sense_of(message) is Sense.IGNORE


@pytest.mark.parametrize(
    "message",
    [
        *("", "9", "x", "2", "2/ws,", "2/ws,[]", "2/ws,{}", "2/ws,[1]", "2/ws,[", "2/ws," + "9" * 101 + '["a"]', "٢"),
        *('4/ws,{"message":"x"}', '51-/ws,["a",{"_placeholder":true,"num":0}]', "61-/ws,1[]", "2" + "[" * 100_000),
        *(
            '2/ws,["connect",{},{}]',
            '2/ws,["disconnect"]',
            '2/ws,["connect_error"]',
            b"\x00",
            b"",
            7,
            [],
            {"a": 1},
            None,
        ),
    ],
)
def test_what_no_client_says_makes_no_sense(message: Any) -> None:
    assert sense_of(message) is Sense.NONE


def test_the_body_of_a_poll_holds_a_few_packets_of_clients() -> None:
    assert is_poll(b"40/ws,\x1e3\x1e1")
    assert is_poll(b"")
    for body in (
        b"\xff",
        b"x",
        b"0{}",
        b"6",
        b"9",
        b"d=",
        b"4\x1e\x1e4",
        "\x1e".join(["3"] * 17).encode(),
        b"4" + b"[" * 99_999,
    ):
        assert not is_poll(body), body[:20]


@BOTH
@pytest.mark.parametrize(
    "frame", ["x", "²", "", "4", "42/ws,[", '42/ws,["disconnect"]', '451-/ws,["a"]', "4" + "[" * 9999]
)
async def test_a_client_that_talks_nonsense_is_cut_off(fast_path: bool, frame: str, caplog: Any) -> None:
    async with wired(fast_path) as at, raw(at.url) as healthy, raw(at.url) as client:
        client.send(frame)
        await client.until_cut()
        async with asyncio.timeout(PATIENCE_S):
            while len(at.gone) < 1 or len(at.engine.server.eio.sockets) > 1:
                await asyncio.sleep(0.01)
        healthy.send('42/ws,1["nothing"]')
        assert caplog.records == []
        assert [visit.is_websocket for visit in at.engine._visits.values()] == [True]


@BOTH
async def test_a_packet_of_another_kind_is_passed_over(fast_path: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with wired(fast_path) as at, raw(at.url) as client:
        for frame in ("9", "8x", "6", "0{}", "2"):
            client.send(frame)
        at.fanout.publish(progress(1))
        assert '"seq":1' in await client.text()
        assert caplog.records == []


@BOTH
async def test_a_poll_of_nonsense_ends_its_session(fast_path: bool) -> None:
    async with wired(fast_path) as at, ClientSession() as session:
        base = f"{at.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(base) as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        async with session.post(f"{base}&sid={sid}", data=b"\xff\xfe") as answer:
            assert (answer.status, "Engine.IO" in await answer.text()) == (400, True)
        async with session.get(f"{base}&sid={sid}") as answer:
            assert answer.status == 400
        assert at.engine.server.eio.sockets == {}


@BOTH
async def test_an_upgrade_without_a_word_leaves_the_client_polling(fast_path: bool) -> None:
    async with wired(fast_path) as at, ClientSession() as session:
        base = f"{at.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(base) as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        async with session.ws_connect(f"{at.url}/socket.io/?EIO=4&transport=websocket&sid={sid}"):
            pass
        async with asyncio.timeout(PATIENCE_S):
            while at.engine._visits:
                await asyncio.sleep(0.01)
        async with session.post(f"{base}&sid={sid}", data=f"40{wire.NAMESPACE},") as joining:
            assert joining.status == 200
        async with session.get(f"{base}&sid={sid}") as answer:
            assert (await answer.text()).startswith(f"40{wire.NAMESPACE},")


@BOTH
async def test_a_peer_that_goes_in_the_middle_of_its_upgrade_is_no_error_and_may_go_on_polling(
    fast_path: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = web.WebSocketResponse.send_str

    async def lost(socket: web.WebSocketResponse, *said: Any, **more: Any) -> None:
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()
        await usual(socket, *said, **more)

    monkeypatch.setattr(web.WebSocketResponse, "send_str", lost)
    async with (
        Gateway(GatewayConfig(port=0, store="memory:", fast_path=fast_path)) as gateway,
        ClientSession() as session,
    ):
        base = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(base) as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        async with session.ws_connect(f"{gateway.url}/socket.io/?EIO=4&transport=websocket&sid={sid}") as socket:
            await socket.send_str("2probe")
            await socket.receive()
        async with session.post(f"{base}&sid={sid}", data=f"40{wire.NAMESPACE},") as joining:
            assert joining.status == 200
    assert [record.getMessage() for record in caplog.records] == []


async def test_scripts_of_other_pages_are_not_answered(gateway: Gateway, rest: Rest) -> None:
    async with rest.session.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling&j=0") as answer:
        assert (answer.status, "___eio" in await answer.text()) == (400, False)


@BOTH
@pytest.mark.parametrize("connection", ["close", "keep-alive", ""])
async def test_a_websocket_whose_upgrade_a_proxy_lost_is_told_the_remedy(
    fast_path: bool, connection: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Gateway(GatewayConfig(port=0, store="memory:", fast_path=fast_path)) as gateway,
        ClientSession() as session,
    ):
        headers = {"Upgrade": "websocket", "Connection": connection}
        url = f"{gateway.url}/socket.io/?EIO=4&transport=websocket"
        async with session.get(url, headers=headers) as answer:
            assert answer.status == 400
            assert "Connection: Upgrade" in await answer.text()
            assert answer.headers["X-Request-Id"]
    assert caplog.records == []


async def test_nobody_tells_the_trail_from_where_they_came() -> None:
    async with guarded() as (gateway, admin), watching(gateway.url, token=TOKEN) as forger:
        await forger.client.emit("connect", ({"REMOTE_ADDR": "10.9.8.7"}, {"token": "wrong"}), namespace=wire.NAMESPACE)
        async with asyncio.timeout(PATIENCE_S):
            await forger.client.eio.wait()
        assert (await admin.get(wire.paths.audit))["data"] == []


def test_what_leads_to_nothing_is_ended_in_time_and_not_before() -> None:
    clock, ended = FakeClock(), []
    pending: dict[str, Callable[[], None]] = {"early": lambda: ended.append("early")}
    patience = Patience(lambda: pending, allowed_s=10, most=100, now=clock.monotonic)
    patience.look()
    clock.advance(6)
    pending["late"] = lambda: ended.append("late")
    patience.look()
    clock.advance(4)
    patience.look()
    assert ended == ["early"]
    del pending["early"]
    clock.advance(6)
    patience.look()
    assert ended == ["early", "late"]


def test_who_went_on_and_comes_back_has_the_whole_time_again() -> None:
    clock, ended = FakeClock(), []
    pending: dict[str, Callable[[], None]] = {"one": lambda: ended.append("one")}
    shown = dict(pending)
    patience = Patience(lambda: shown, allowed_s=10, most=100, now=clock.monotonic)
    patience.look()
    clock.advance(9)
    shown.clear()
    patience.look()
    shown.update(pending)
    patience.look()
    clock.advance(9)
    patience.look()
    assert ended == []


def test_beyond_so_many_the_oldest_is_not_waited_for() -> None:
    clock, ended = FakeClock(), []
    pending: dict[int, Callable[[], None]] = {}
    patience = Patience(lambda: pending, allowed_s=100, most=2, now=clock.monotonic)
    for number in range(4):
        pending[number] = lambda number=number: ended.append(number)  # type: ignore[misc]
        patience.look()
        clock.advance(1)
        for one in ended:
            pending.pop(one, None)
    assert ended == [0, 1]


@asynccontextmanager
async def _impatient(**more: Any) -> AsyncIterator[Gateway]:
    settings: dict[str, Any] = {"port": 0, "store": "memory:", "patience_s": 0.2, **more}
    async with Gateway(GatewayConfig(**settings)) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        b"POST /api/v1/repositories HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n4",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half a poll", "no further request"],
)
async def test_half_a_request_is_not_waited_for(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with _impatient() as gateway:
        reader, writer = await asyncio.open_connection(urlsplit(gateway.url).hostname, urlsplit(gateway.url).port)
        writer.write(said)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(reader.read(), return_exceptions=True)
        assert reader.at_eof() or reader.exception() is not None
        writer.transport.abort()
        assert caplog.records == []


def test_a_connection_that_is_used_between_two_looks_stays_open() -> None:
    ended: list[str] = []
    transport = Mock(abort=lambda: ended.append("it"))
    request: Any = SimpleNamespace(transport=transport, content=SimpleNamespace(is_eof=lambda: True))
    clock, requests = FakeClock(), Requests()
    requests.server = SimpleNamespace(connections=[SimpleNamespace(transport=transport)])  # type: ignore[assignment]
    patience = Patience(requests.pending, allowed_s=10, most=100, now=clock.monotonic)
    for _ in range(10):
        patience.look()
        with requests.answering(request):
            clock.advance(3)
    assert ended == []
    patience.look()
    clock.advance(10)
    patience.look()
    assert ended == ["it"]


@BOTH
async def test_who_joins_nothing_is_let_go_and_who_has_joined_stays(fast_path: bool) -> None:
    async with (
        _impatient(fast_path=fast_path) as gateway,
        ClientSession() as session,
        watching(gateway.url, transports=["websocket"]) as joined,
        raw(gateway.url, join=False) as silent,
    ):
        async with session.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling") as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        upgrade = f"{gateway.url}/socket.io/?EIO=4&transport=websocket&sid={sid}"
        async with session.ws_connect(upgrade, autoclose=False) as half:
            async with asyncio.timeout(PATIENCE_S):
                await silent.until_cut()
                await half.receive()
        async with session.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling&sid={sid}") as answer:
            assert answer.status == 400
        assert (await joined.subscribe(all=True))["ok"]


async def test_a_client_whose_right_has_ended_is_not_kept_connected() -> None:
    async with guarded(patience_s=0.2) as (gateway, admin):
        status, key = await admin.ask("POST", wire.paths.tokens, json={"name": "ada"})
        assert status == 201
        async with raw(gateway.url, join=False) as client:
            assert (await client.text()).startswith("0{")
            client.send(f'40/ws,{{"protocol":1,"token":"{key["token"]}"}}')
            assert (await client.text()).startswith("40/ws,")
            await admin.ask("DELETE", wire.paths.token(key["id"]))
            await client.until_cut()


async def test_a_moment_beyond_the_calendar_is_refused() -> None:
    async with guarded() as (gateway, _), calling(gateway.url, TOKEN) as admin:
        for text in ("0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59"):
            status, answer = await admin.ask("GET", f"{wire.paths.scans}?createdFrom={text}")
            assert (status, "ISO 8601" in answer["message"]) == (400, True)
