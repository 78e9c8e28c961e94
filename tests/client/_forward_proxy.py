"""A small HTTP proxy as offices have them: CONNECT and absolute URLs. Every host name leads to this computer."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from scanwatch.testing._thread import Served
from tests.client._proxy import pump

HOST = "127.0.0.1"


class ForwardProxy(Served):
    """Passes on what it is asked for, and notes it; with ``refuse``, answers 403 to everything."""

    def __init__(self, *, refuse: bool = False) -> None:
        super().__init__("forward-proxy")
        self.asked: list[str] = []
        self._refuse = refuse
        self._running: set[asyncio.Task[None]] = set()

    async def _serve(self, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._accept, HOST, 0)
        self._listens(f"http://{HOST}:{server.sockets[0].getsockname()[1]}")
        await stop.wait()
        server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._pass(reader, writer)
        finally:
            self._running.discard(task)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; further ones on the connection go to the same server, as they all do here."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append(f"{method} {target}")
        if self._refuse:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        upstream_reader, upstream = await asyncio.open_connection(HOST, parts.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            head = head.replace(target.encode(), path.encode(), 1)
            upstream.write(
                head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") if b"pgrade" not in head else head
            )
        await asyncio.gather(pump(reader, upstream), pump(upstream_reader, writer))
