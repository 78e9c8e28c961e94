"""A Socket.IO server with a fan-out and nothing behind it, and a client that sees the very bytes."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from aiohttp import web

from scanwatch import wire
from scanwatch.gateway._engine import Engine
from scanwatch.gateway._fanout import FIELD, Fanout
from scanwatch.model import Event, EventKind, Phase

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PATIENCE_S = 20.0
PING = "2"


def progress(seq: int, scan_id: str = "scan", **more: Any) -> Event:
    return Event(scan_id, EventKind.PROGRESS, NOW, seq=seq, phase=Phase.FETCH, **more)


@dataclass
class Wired:
    """Every client that joins is a field client once it has its CONNECT, as in a gateway."""

    engine: Engine
    fanout: Fanout
    url: str = ""
    gone: list[str] = field(default_factory=list)
    _greetings: set[asyncio.Task[None]] = field(default_factory=set)

    def listen(self) -> None:
        self.engine.server.on("connect", self._connect, namespace=wire.NAMESPACE)
        self.engine.server.on("disconnect", self._disconnect, namespace=wire.NAMESPACE)

    def answer(self, name: str, handler: Callable[..., Awaitable[Any]]) -> None:
        self.engine.server.on(name, handler, namespace=wire.NAMESPACE)

    async def _connect(self, sid: str, *_said: Any) -> None:
        self.fanout.admit(sid)

        async def greet() -> None:
            self.fanout.enter(sid, FIELD)

        task = asyncio.create_task(greet())
        self._greetings.add(task)
        task.add_done_callback(self._greetings.discard)

    async def _disconnect(self, sid: str, *_reason: Any) -> None:
        self.fanout.drop(sid)
        self.gone.append(sid)


@asynccontextmanager
async def wired(fast_path: bool, *, stall_s: float = 20.0, **engine: Any) -> AsyncIterator[Wired]:
    made = Engine(fast_path=fast_path, **engine)
    assert made.fast is fast_path
    at = Wired(made, Fanout(made.wires, stall_s=stall_s))
    at.listen()
    app = web.Application()
    for method in ("GET", "POST"):
        app.router.add_route(method, f"/{wire.SOCKETIO_PATH}/", made.handle)

    async def close(_app: web.Application) -> None:
        await made.close()

    app.on_shutdown.append(close)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.3)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield at
    finally:
        await at.fanout.close()
        await runner.cleanup()


class Raw:
    """A websocket client without a library: it reads only when told to, and its frames are the bytes that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self.writer = writer
        self.head = head

    async def frame(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            head = await self._reader.readexactly(2)
            assert not head[1] & 0x80, "a server does not mask"
            size, extra = head[1], b""
            if size > 125:
                extra = await self._reader.readexactly(2 if size == 126 else 8)
                size = int.from_bytes(extra)
            return head + extra + await self._reader.readexactly(size)

    async def text(self) -> str:
        """The next message that is no ping; a ping is answered."""
        while (message := text_of(await self.frame())) == PING:
            self.send("3")
        return message

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self.writer.write(b"\x81" + size + mask + masked)

    async def until_cut(self) -> bytes:
        """Read on until the server has closed; what came."""
        rest = b""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while data := await self._reader.read(65536):
                    rest += data
            except ConnectionError:
                pass
        return rest


def text_of(frame: bytes) -> str:
    size = frame[1]
    return frame[2 if size < 126 else 4 if size == 126 else 10 :].decode()


@asynccontextmanager
async def raw(
    url: str, *, query: str = "", extra: str = "", join: bool = True, small: bool = False
) -> AsyncIterator[Raw]:
    """A raw client that has joined the namespace; a ``small`` one has room for few bytes it has not read."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    connection = socket.socket()
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (host, port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096 if small else 65536)
    key = base64.b64encode(uuid4().bytes).decode()
    writer.write(
        f"GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"{extra}\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head
    client = Raw(reader, writer, head.decode())
    try:
        if join:
            assert (await client.text()).startswith("0{")
            client.send(f"40{wire.NAMESPACE},")
            assert (await client.text()).startswith(f"40{wire.NAMESPACE},")
        yield client
    finally:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


class Gate:
    """A TCP proxy that can stop passing on what the server says, as a network without a word does."""

    def __init__(self, target: str) -> None:
        self._target = (urlsplit(target).hostname or "", urlsplit(target).port or 0)
        self.open = asyncio.Event()
        self.open.set()
        self.url = ""
        self.addresses: set[tuple[str, int]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, self._target)
        self.addresses.add(connection.getsockname())
        upstream_reader, upstream = await asyncio.open_connection(sock=connection, limit=16_384)
        try:
            await asyncio.gather(self._pump(reader, upstream), self._pump(upstream_reader, writer, self.open))
        except asyncio.CancelledError:
            pass  # stopped; asyncio's streams would log a cancelled handler as an error
        finally:
            for each in (writer, upstream):
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None = None
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(16_384):
                if gate is not None:
                    await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def gated(target: str) -> AsyncIterator[Gate]:
    gate = Gate(target)
    server = await gate.start()
    try:
        yield gate
    finally:
        server.close()
        await gate.stop()
