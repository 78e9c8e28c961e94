"""Peers that send what :class:`Mischief` makes up, and count it; what comes back is kept to be judged."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType

from tests.gateway._mischief import Ask, Mischief

ANSWER_S = 15.0
SID = re.compile(rb'"sid":"([^"]+)"')


class Assault:
    """All that is sent to one gateway, by many connections at a time."""

    def __init__(self, url: str, mischief: Mischief, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.sent: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.bad: list[str] = []
        self._mischief = mischief
        self._random = mischief.random
        self._session = session
        self._address = (urlsplit(url).hostname, urlsplit(url).port)

    async def run(self, count: int, *, at_once: int = 8) -> None:
        """Do ``count`` things, a few at a time."""
        todo = [
            self._random.choice([self.ask] * 6 + [self.frames] * 6 + [self.polls] * 3 + [self.upgrade, self.http])
            for _ in range(count)
        ]

        async def worker() -> None:
            while todo:
                await todo.pop()()

        await asyncio.gather(*(worker() for _ in range(at_once)))

    async def ask(self) -> None:
        """One request."""
        self.sent["requests"] += 1
        await self._say(_raw(self._mischief.request()), "request")

    async def http(self) -> None:
        """Bytes that are no request, or the beginning of one."""
        self.sent["broken requests"] += 1
        await self._say(self._mischief.http(), "http", patience_s=self._random.choice([0.01, 0.5]))

    async def frames(self) -> None:
        """A websocket with frames of all kinds, that ends well, badly, or not by itself."""
        with suppress(aiohttp.ClientError, ConnectionError):
            async with self._session.ws_connect(
                f"{self.url}/socket.io/?EIO=4&transport=websocket", autoping=False, autoclose=False
            ) as socket:
                if self._random.random() < 0.8:
                    await self._frame(socket, b'40/ws,{"protocol":1}' if self._random.random() < 0.7 else b"40/ws,")
                for _ in range(self._random.randrange(1, 25)):
                    frame = self._mischief.frame()
                    binary = isinstance(frame, bytes)
                    data = frame if isinstance(frame, bytes) else frame.encode(errors="replace")
                    await self._frame(socket, data, binary=binary and self._random.random() < 0.7)
                await self._part(socket)

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, data: bytes, *, binary: bool = False) -> None:
        if socket.closed or socket._response.connection is None:
            return
        self.sent["frames"] += 1
        await socket.send_frame(data, WSMsgType.BINARY if binary else WSMsgType.TEXT)

    async def _part(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        way = self._random.randrange(4)
        if way == 0 and socket._response.connection is not None and socket._response.connection.transport:
            socket._response.connection.transport.abort()
        elif way == 1:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    while (said := await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                        self._judge(str(said.data), "frame")

    async def polls(self) -> None:
        """A session over polling that is used wrongly, and left without a word."""
        opened = await self._say(_raw(Ask("GET", "socket.io/?EIO=4&transport=polling")), "poll")
        match = SID.search(opened)
        sid = match[1].decode() if match and self._random.random() < 0.9 else self._mischief.id()
        where = f"socket.io/?EIO=4&transport=polling&sid={sid}"
        if self._random.random() < 0.7:
            await self._post(where, b"40/ws,{}")
        for _ in range(self._random.randrange(1, 4)):
            await self._post(where, self._mischief.poll())
            if self._random.random() < 0.3:
                await self._say(
                    _raw(Ask("GET", where + self._mischief.one("", "&j=0", "&j=x", "&t=x"))), "poll", patience_s=0.05
                )

    async def _post(self, where: str, body: bytes) -> None:
        self.sent["polls"] += 1
        await self._say(_raw(Ask("POST", where, body, {"Content-Type": "text/plain"})), "poll")

    async def upgrade(self) -> None:
        """An upgrade of a session that stops on the way, or was never possible."""
        self.sent["upgrades"] += 1
        opened = await self._say(_raw(Ask("GET", "socket.io/?EIO=4&transport=polling")), "poll")
        match = SID.search(opened)
        sid = match[1].decode() if match else "x"
        query = self._mischief.one(f"&sid={sid}", f"&sid={sid}", f"&sid={sid}&sid=x", "&sid=", "&sid=%ff")
        with suppress(aiohttp.ClientError, ConnectionError):
            async with self._session.ws_connect(f"{self.url}/socket.io/?EIO=4&transport=websocket{query}") as socket:
                for frame in self._random.choice(
                    [(), ("2probe",), ("2probe", "5"), ("5",), ("x",), ("",), ("2probe", "x")]
                ):
                    await self._frame(socket, frame.encode())

    async def _say(self, data: bytes, what: str, *, patience_s: float = ANSWER_S) -> bytes:
        reader, writer = await asyncio.open_connection(*self._address)
        answer = b""
        try:
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(patience_s):
                    writer.write(data)
                    await writer.drain()
                    while chunk := await reader.read(65536):
                        answer += chunk
        finally:
            writer.transport.abort()
        self._judge(answer.decode("latin-1"), f"{what} {data[:300]!r}")
        return answer

    def _judge(self, answer: str, what: str) -> None:
        if answer.startswith("HTTP/1."):
            status = int(answer.split()[1])
            self.statuses[status] += 1
            if status >= 500 and status != 503:
                self.bad.append(f"{status} for {what}")
        if "Traceback (most" in answer or 'File "/' in answer:
            self.bad.append(f"a traceback for {what}")


def _raw(ask: Ask) -> bytes:
    body = ask.body or b""
    headers = {
        "Host": "127.0.0.1",
        "Connection": "close",
        **({"Content-Length": str(len(body))} if body else {}),
        **ask.headers,
    }
    lines = [f"{ask.method} /{ask.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode(errors="replace") + body
