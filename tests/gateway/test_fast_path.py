"""What the fast path writes is what the library would have written, and nothing overtakes anything.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import ClientSession
from socketio.packet import EVENT, Packet

import scanwatch.gateway
from scanwatch import wire
from scanwatch.gateway._engine import Engine
from scanwatch.gateway._fanout import FIELD, _private, fits
from scanwatch.gateway._fanout._frames import event_text
from tests.gateway._peers import watching
from tests.gateway._wired import Wired, progress, raw, text_of, wired

BOTH = pytest.mark.parametrize("fast_path", [True, False], ids=["fast", "library"])
GATEWAY = Path(scanwatch.gateway.__file__).parent

MESSAGES = [
    "",
    "plain",
    "é ü 漢字 🦀 \u2028 \ud800",
    'quotes " and \\ and \n and \x00 and </script>',
    *("x" * (size - 40) for size in (125, 126, 127, 128, 130, 65_535, 65_536, 65_600)),
    "y" * 400_000,
]


async def joined(at: Wired) -> None:
    while not at.fanout._rooms.audience((FIELD,)):
        await asyncio.sleep(0)


async def frames_of(fast_path: bool) -> list[bytes]:
    """Frames of every message, and of every length at the edges of the three forms of a header."""
    name = "scan:9cc8:progress"
    empty = len(f"42{wire.NAMESPACE}," + json.dumps([name, {"m": ""}], separators=(",", ":")))
    edges = ["z" * (edge + by - empty) for edge in (126, 65_536) for by in range(-2, 3)]
    payloads: list[dict[str, Any]] = [
        {"m": message, "n": 1.5, "none": None, "l": [{"é": True}]} for message in MESSAGES
    ]
    async with wired(fast_path) as at, raw(at.url) as client:
        await joined(at)
        sid = next(iter(at.fanout._lines))
        frames = []
        for payload in [*payloads, *({"m": edge} for edge in edges)]:
            at.fanout.tell(sid, name, payload)
            frames.append(await client.frame())
        return frames


async def test_frames_are_the_librarys_own_byte_for_byte() -> None:
    ours, librarys = await frames_of(True), await frames_of(False)
    assert len(ours) == len(librarys) == len(MESSAGES) + 10
    assert ours == librarys
    assert {frame[1] if frame[1] > 125 else 0 for frame in ours} == {0, 126, 127}, "all three forms of a header"


async def events_of(fast_path: bool) -> list[bytes]:
    """Frames of events with every message, each published alone and then all together."""
    events = [progress(seq + 1, message=message) for seq, message in enumerate(MESSAGES)]
    async with wired(fast_path) as at, raw(at.url) as client:
        await joined(at)
        frames = []
        for event in events:
            at.fanout.publish(event)
            frames.append(await client.frame())
        with at.fanout.together():
            for event in events:
                at.fanout.publish(event)
        return [*frames, *[await client.frame() for _ in events]]


async def test_frames_of_events_are_the_librarys_own_alone_and_together() -> None:
    ours, librarys = await events_of(True), await events_of(False)
    assert ours == librarys
    assert ours[: len(MESSAGES)] == ours[len(MESSAGES) :]


async def test_what_is_published_together_leaves_in_one_write_for_each_client() -> None:
    async with wired(True) as at, raw(at.url) as one, raw(at.url) as other:
        while len(at.fanout._rooms.audience((FIELD,))) < 2:
            await asyncio.sleep(0)
        written: list[bytes] = []
        for line in at.fanout._lines.values():
            line._send = partial(_noting, written, line._send)  # type: ignore[attr-defined]
        with at.fanout.together():
            for seq in range(1, 6):
                at.fanout.publish(progress(seq))
            assert written == []
        assert len(written) == 2
        for client in (one, other):
            assert [json.loads((await client.text())[6:])[1]["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]


def _noting(written: list[bytes], send: Callable[[bytes], int], data: bytes) -> int:
    written.append(data)
    return send(data)


@pytest.mark.parametrize("taken", [0, 1, 100, 5000])
async def test_what_a_socket_does_not_take_at_once_follows_in_order(taken: int) -> None:
    async with wired(True) as at, raw(at.url) as client:
        await joined(at)
        line: Any = next(iter(at.fanout._lines.values()))
        send = line._send

        def partly(data: bytes) -> int:
            if not taken:
                raise BlockingIOError
            return int(send(data[:taken]))

        line._send = partly
        for seq in range(1, 6):
            at.fanout.publish(progress(seq, message="x" * 3000))
        assert [json.loads((await client.text())[6:])[1]["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]


async def test_events_are_encoded_as_the_library_encodes_them() -> None:
    for number, message in enumerate(MESSAGES):
        event = progress(number + 1, message=message, total_files=number)
        name, payload = wire.encode_event(event)
        theirs = Packet(EVENT, namespace=wire.NAMESPACE, data=[name, payload]).encode()
        assert event_text(name, payload) == theirs
        assert f"2{wire.NAMESPACE}," + wire.encode_event_json(event).decode() == theirs


async def test_nothing_is_compressed() -> None:
    wish = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with wired(True) as at, raw(at.url, extra=wish) as client:
        assert "permessage-deflate" not in client.head


async def test_an_idle_websocket_is_written_to_at_once() -> None:
    async with wired(True) as at, raw(at.url) as client:
        await joined(at)
        socket = next(iter(at.engine.server.eio.sockets.values()))
        assert socket.line.writable()
        at.fanout.publish(progress(1))
        assert socket.queue.empty()
        assert json.loads((await client.text())[6:])[1]["seq"] == 1


async def test_nothing_is_encoded_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(*_args: object) -> Any:
        raise AssertionError("encoded for nobody")

    monkeypatch.setattr(wire, "encode_event", encode)
    monkeypatch.setattr(wire, "encode_event_json", encode)
    async with wired(True) as at:
        at.fanout.publish(progress(1))
        assert at.fanout.delivered == 0


@BOTH
async def test_no_event_overtakes_connect(fast_path: bool) -> None:
    async with wired(fast_path) as at:
        numbers = count(1)

        async def flood() -> None:
            while True:
                at.fanout.publish(progress(next(numbers), message="x" * 2000))
                await asyncio.sleep(0)

        async def join(delay: int) -> None:
            for _ in range(delay):
                await asyncio.sleep(0)
            async with raw(at.url) as client:  # it checks that OPEN and CONNECT come first
                seqs = [json.loads((await client.text())[6:])[1]["seq"] for _ in range(20)]
                assert seqs == list(range(seqs[0], seqs[0] + 20))

        flooding = asyncio.create_task(flood())
        try:
            await asyncio.gather(*(join(delay) for delay in range(30)))
        finally:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)


@BOTH
@pytest.mark.parametrize("seed", range(3))
async def test_acknowledgements_and_events_come_in_the_order_in_which_they_were_sent(
    fast_path: bool, seed: int
) -> None:
    """Also when the client pauses, so that some are written at once, some are queued and some are in flight."""
    moments = Random(seed)
    sent: list[str] = []
    numbers = count(1)
    async with wired(fast_path) as at, raw(at.url, small=True) as client:
        await joined(at)

        def publish() -> None:
            number = next(numbers)
            at.fanout.publish(progress(number, message="x" * moments.choice([10, 3000, 30_000])))
            sent.append(f"event {number}")

        async def ask(_sid: str, number: int) -> int:
            for _ in range(moments.randrange(2)):
                publish()
            await at.fanout.settled()
            sent.append(f"answer {number}")
            return number

        at.answer("ask", ask)
        for number in range(150):
            client.send(f'42{wire.NAMESPACE},{number}["ask",{number}]')
            if moments.random() < 0.1:
                await asyncio.sleep(0.001)
        heard: list[str] = []
        while sum(word.startswith("answer") for word in heard) < 150:
            heard.append(in_words(await client.text()))
            if moments.random() < 0.05:
                await asyncio.sleep(0.001)
        assert heard == sent


def in_words(text: str) -> str:
    kind, _, rest = text.partition(f"{wire.NAMESPACE},")
    return (
        f"event {json.loads(rest)[1]['seq']}" if kind == "42" else f"answer {json.loads(rest.partition('[')[2][:-1])}"
    )


@BOTH
async def test_who_answers_pings_stays(fast_path: bool) -> None:
    async with wired(fast_path, ping_interval_s=0.1, ping_timeout_s=0.2) as at, raw(at.url) as client:
        await joined(at)
        pings = 0
        while pings < 6:
            assert text_of(await client.frame()) == "2"
            pings += 1
            client.send("3")
        at.fanout.publish(progress(1))
        assert json.loads((await client.text())[6:])[1]["seq"] == 1
        assert at.gone == []


@BOTH
async def test_who_answers_no_ping_is_let_go(fast_path: bool) -> None:
    async with wired(fast_path, ping_interval_s=0.1, ping_timeout_s=0.2) as at, raw(at.url) as client:
        await joined(at)
        async with asyncio.timeout(20):
            while not at.gone:
                await asyncio.sleep(0.01)
        assert at.fanout.clients == 0
        assert text_of(await client.frame()) == "2"
        await client.until_cut()


async def test_who_neither_reads_nor_answers_is_let_go_completely() -> None:
    async with wired(True, ping_interval_s=0.1, ping_timeout_s=0.2) as at, raw(at.url, small=True) as client:
        await joined(at)
        socket = next(iter(at.engine.server.eio.sockets.values()))
        numbers = count(1)
        while socket.line.writable():
            at.fanout.publish(progress(next(numbers), message="x" * 50_000))
        async with asyncio.timeout(20):
            while at.engine.server.eio.sockets or at.engine._visits:
                await asyncio.sleep(0.02)
        assert socket.line.transport is not None
        assert socket.line.transport.get_write_buffer_size() == 0
        await client.until_cut()


async def test_a_poll_brings_no_more_packets_than_clients_take() -> None:
    async with wired(True) as at, watching(at.url, field=True, transports=["polling"]) as watcher:
        await joined(at)
        for seq in range(1, 201):
            at.fanout.publish(progress(seq))
        await watcher.until(lambda: len(watcher.events) == 200)
        assert watcher.seqs("scan") == list(range(1, 201))


async def test_a_client_that_upgrades_is_written_to_at_once() -> None:
    async with wired(True) as at:
        numbers = count(1)
        async with watching(at.url, field=True) as watcher:
            await joined(at)
            socket = next(iter(at.engine.server.eio.sockets.values()))
            async with asyncio.timeout(10):
                while not socket.line.writable():
                    at.fanout.publish(progress(next(numbers)))
                    await asyncio.sleep(0.001)
            at.fanout.publish(progress(last := next(numbers)))
            assert socket.queue.empty()
            await watcher.until(lambda: len(watcher.events) == last)
            assert watcher.seqs("scan") == list(range(1, last + 1))


async def test_an_upgrade_that_breaks_off_leaves_the_client_polling() -> None:
    async with wired(True) as at, ClientSession() as session:
        base = f"{at.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(base) as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        async with session.post(f"{base}&sid={sid}", data=f"40{wire.NAMESPACE},") as joining:
            assert joining.status == 200
        async with session.get(f"{base}&sid={sid}") as answer:
            assert (await answer.text()).startswith(f"40{wire.NAMESPACE},")
        async with raw(at.url, query=f"&sid={sid}", join=False) as client:
            client.send("2probe")
            assert await client.text() == "3probe"
        await joined(at)
        async with session.get(f"{base}&sid={sid}") as answer:
            assert await answer.text() == "6"
        at.fanout.publish(progress(1))
        async with session.get(f"{base}&sid={sid}") as answer:
            assert json.loads((await answer.text())[6:])[1]["seq"] == 1


@BOTH
async def test_who_has_gone_while_it_was_let_in_is_in_no_room(fast_path: bool) -> None:
    async with wired(fast_path) as at:
        at.fanout.admit("gone")
        assert at.fanout.enter("gone", FIELD) is not fast_path
        at.fanout.publish(progress(1))
        await at.fanout.settled()
        at.fanout.drop("gone")
        assert at.fanout.clients == 0


def test_other_versions_of_the_libraries_get_the_librarys_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {name: version(name) for name in _private.TESTED}
    assert fits(installed), "the installed versions are those that are tested"
    for name in installed:
        for other in ("3.0.9", "99.1"):
            assert not fits(installed | {name: other})
    monkeypatch.setitem(_private.TESTED, "aiohttp", ((2, 0), (2, 1)))
    assert not Engine().fast
    assert not isinstance(Engine().server, _private.FastServer)


def test_one_module_touches_private_parts_of_the_libraries() -> None:
    for path in GATEWAY.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "_private.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                assert not any(name.startswith("engineio") for name in names), path.name
