"""What the fan-out needs of a client's connection, and how the library, used as it comes, gives it."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

import socketio

from ... import wire
from ...model import Event

QUEUE_LENGTH = 1000
"""Messages that may wait in a connection's queue; events beyond are merged. A burst of a healthy scan fits."""
OUTBOX_LENGTH = 3000
"""Messages that may wait to be handed to the library."""
POLL_LENGTH = 12
"""The same for a client that polls the library as it comes: its Python client refuses a poll of more than 16."""

_logger = logging.getLogger(__name__)

Payload = dict[str, Any]


class Line(ABC):
    """The connection of one client of the namespace. ``behind`` says that it is sent nothing for now."""

    __slots__ = ("behind", "sid")

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.behind = False

    @abstractmethod
    def send(self, name: str, payload: Payload) -> None:
        """Send a message, or queue it, after everything sent before."""

    @abstractmethod
    def has_room(self) -> bool:
        """Whether a client that was behind has read so much that more may be sent."""

    @abstractmethod
    def unsent(self) -> tuple[int, int]:
        """Messages in the queue and bytes in the transport's buffer: neither shrinks while a client reads nothing."""

    @abstractmethod
    def abort(self) -> None:
        """Cut the client off at once; it comes back by itself, with its cursor."""


AnyLine = TypeVar("AnyLine", bound=Line)


class Wires(Protocol[AnyLine]):
    """All connections."""

    def line(self, sid: str) -> AnyLine:
        """The connection of a client that is on its way in; ``KeyError`` if it has gone meanwhile."""

    def deliver(self, event: Event, lines: Collection[AnyLine]) -> list[AnyLine]:
        """Send an event to each of ``lines`` that is not behind and has room; returns the others."""

    def together(self) -> AbstractContextManager[None]:
        """Whatever is delivered inside, in one step, is written at the end, all of one connection's at once."""

    async def settled(self) -> None:
        """Return when everything delivered so far is written or queued: what is answered then overtakes nothing."""

    async def close(self) -> None:
        """End what works in the background."""


class LibraryLine(Line):
    """A connection as the library has it."""

    __slots__ = ("_transport_of", "_wires")

    def __init__(self, sid: str, wires: LibraryWires, transport_of: Callable[[str], asyncio.Transport | None]) -> None:
        super().__init__(sid)
        self._wires = wires
        self._transport_of = transport_of

    def send(self, name: str, payload: Payload) -> None:
        self._wires.post(name, payload, [self.sid])

    def has_room(self) -> bool:
        return self._wires.queued(self.sid) * 2 <= self._wires.limit(self.sid)

    def unsent(self) -> tuple[int, int]:
        transport = self._transport_of(self.sid)
        return self._wires.queued(self.sid), transport.get_write_buffer_size() if transport else 0

    def abort(self) -> None:
        transport = self._transport_of(self.sid)
        if transport is not None:
            transport.abort()
        self._wires.hang_up(self.sid)


class LibraryWires:
    """Connections served by ``emit``, one message after the other."""

    def __init__(
        self, server: socketio.AsyncServer, transport_of: Callable[[str], asyncio.Transport | None] = lambda _sid: None
    ) -> None:
        self._server = server
        self._transport_of = transport_of
        self._outbox: asyncio.Queue[tuple[str, Payload, list[str]] | asyncio.Future[None]] = asyncio.Queue()
        self._postman: asyncio.Task[None] | None = None

    def line(self, sid: str) -> LibraryLine:
        return LibraryLine(sid, self, self._transport_of)

    def deliver(self, event: Event, lines: Collection[LibraryLine]) -> list[LibraryLine]:
        if self._outbox.qsize() >= OUTBOX_LENGTH:
            return list(lines)
        ready = [line for line in lines if not line.behind and self.queued(line.sid) < self.limit(line.sid)]
        if ready:
            self.post(*wire.encode_event(event), [line.sid for line in ready])
        return [] if len(ready) == len(lines) else list(set(lines).difference(ready))

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()  # the library's own queues do that

    async def settled(self) -> None:
        reached = asyncio.get_running_loop().create_future()
        self._put(reached)
        await reached

    async def close(self) -> None:
        if self._postman is not None:
            self._postman.cancel()
            await asyncio.gather(self._postman, return_exceptions=True)

    def post(self, name: str, payload: Payload, sids: list[str]) -> None:
        """Have a message sent after those posted before."""
        self._put((name, payload, sids))

    def queued(self, sid: str) -> int:
        """How many packets the library has in a client's queue."""
        socket = self._socket(sid)
        return 0 if socket is None else int(socket.queue.qsize())

    def limit(self, sid: str) -> int:
        """How many there should be at most."""
        socket = self._socket(sid)
        return QUEUE_LENGTH if socket is None or socket.upgraded else POLL_LENGTH

    def hang_up(self, sid: str) -> None:
        """Forget a client's session, so that one that polls learns that it has to begin anew."""
        socket = self._socket(sid)
        if socket is not None:
            self._server.start_background_task(socket.close, wait=False, abort=True)
            socket.queue.put_nowait(None)

    def _socket(self, sid: str) -> Any:
        return self._server.eio.sockets.get(self._server.manager.eio_sid_from_sid(sid, wire.NAMESPACE))

    def _put(self, item: tuple[str, Payload, list[str]] | asyncio.Future[None]) -> None:
        if self._postman is None:
            self._postman = asyncio.create_task(self._deliver_posts(), name="scanwatch-postman")
        self._outbox.put_nowait(item)

    async def _deliver_posts(self) -> None:
        while True:
            item = await self._outbox.get()
            if isinstance(item, asyncio.Future):
                if not item.cancelled():
                    item.set_result(None)
            else:
                await self._emit(*item)

    async def _emit(self, name: str, payload: Payload, sids: list[str]) -> None:
        try:
            await self._server.emit(name, payload, to=sids, namespace=wire.NAMESPACE)
        except Exception:
            _logger.exception("%s could not be sent", name)
