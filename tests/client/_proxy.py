"""A TCP proxy in front of a gateway that can be cut and mended, as networks are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Passes bytes to ``target`` until it is cut; cut, it drops every connection and takes no other."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._whole = True
        self._fatal: bytes | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self.url = ""

    def cut(self) -> None:
        self._call(self._cut)

    def mend(self) -> None:
        self._call(lambda: setattr(self, "_whole", True))

    def cut_at_the_answer_to(self, request: bytes) -> None:
        """Pass the next request with these bytes on, and be cut when it is answered."""
        self._fatal = request

    @property
    def is_cut(self) -> bool:
        return not self._whole

    def lead_to(self, target: str) -> None:
        """Pass further connections to another server."""
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(5)

    def stop(self) -> None:
        self._call(self._stop.set)
        self._thread.join(5)

    def _call(self, function: object) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (function(), done.set()))  # type: ignore[operator]
        assert done.wait(5)

    def _cut(self) -> None:
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._cut()
        if self._passing:
            await asyncio.wait(self._passing, timeout=2)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._pass(reader, writer)
        finally:
            self._passing.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, upstream}
        fatal = asyncio.Event()
        await asyncio.gather(self._ask(reader, upstream, fatal), self._answer(upstream_reader, writer, fatal))
        self._writers -= {writer, upstream}

    async def _ask(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, fatal: asyncio.Event) -> None:
        async for data in _chunks(reader):
            if self._fatal is not None and self._fatal in data:
                self._fatal = None
                fatal.set()
            await _send(upstream, data)
        upstream.transport.abort()

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, fatal: asyncio.Event) -> None:
        async for data in _chunks(upstream):
            if fatal.is_set():
                self._cut()
            await _send(writer, data)
        writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on whatever comes, until there is no more."""
    async for data in _chunks(reader):
        await _send(writer, data)
    writer.transport.abort()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with suppress(OSError):
        while data := await reader.read(65536):
            yield data


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(OSError):
        writer.write(data)
        await writer.drain()


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """What clients connect to: it leads to one server after the other, and can be cut."""
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
