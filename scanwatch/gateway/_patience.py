"""Ends what was begun and leads to nothing: half a request, half an upgrade, a connection that joins nothing.

The libraries wait for such peers as long as they like, and each holds a socket and memory meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

from aiohttp import web

LOOKS = 20
"""How often is looked while somebody may make others wait."""

Pending = Mapping[Hashable, Callable[[], None]]
"""What leads to nothing yet, each with the way to end it."""


class Patience:
    """Looks now and then at what is pending; ends what has been for ``allowed_s``, and the oldest beyond ``most``."""

    def __init__(
        self,
        *sources: Callable[[], Pending],
        allowed_s: float,
        most: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._allowed_s = allowed_s
        self._most = most
        self._now = now
        self._since: dict[Hashable, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._run(), name="scanwatch-patience")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Look once."""
        now = self._now()
        pending = dict(chain.from_iterable(source().items() for source in self._sources))
        self._since = {key: self._since.get(key, now) for key in pending}
        oldest_first = sorted(self._since.items(), key=lambda one: one[1])
        for place, (key, since) in enumerate(oldest_first):
            if now - since < self._allowed_s and place >= len(oldest_first) - self._most:
                break
            pending[key]()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._allowed_s / LOOKS)
            self.look()


class Requests:
    """Which connections of an HTTP server are being answered; the others are pending."""

    def __init__(self) -> None:
        self.server: web.Server | None = None
        self._in_hand: dict[asyncio.Transport, web.Request] = {}
        self._answered: dict[asyncio.Transport, int] = {}

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[None]:
        """A request is being answered meanwhile."""
        transport = request.transport
        if transport is None:
            yield
            return
        self._in_hand[transport] = request
        try:
            yield
        finally:
            del self._in_hand[transport]
            self._answered[transport] = self._answered.get(transport, 0) + 1

    def pending(self) -> Pending:
        """The connections on which no whole request is in hand, each known by how many it has had answered.

        By that number one that has gone on between two looks is not taken for one that has not.
        """
        connections = () if self.server is None else self.server.connections
        transports = {each for connection in connections if (each := connection.transport) is not None}
        self._answered = {each: count for each, count in self._answered.items() if each in transports}
        return {(each, self._answered.get(each, 0)): each.abort for each in transports if not self._is_whole(each)}

    def _is_whole(self, transport: asyncio.Transport) -> bool:
        request = self._in_hand.get(transport)
        return request is not None and request.content.is_eof()
