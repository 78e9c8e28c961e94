"""The Socket.IO server of one gateway: made as we need it, and ended completely."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import socketio
from aiohttp import hdrs, web

from .. import wire
from ._fanout import FastServer, FastWires, LibraryWires, Wires, fits

MAX_MESSAGE_BYTES = 1_000_000
MAX_CONNECTIONS = 5_000
FULL_RETRY_S = 5
GOODBYE_S = 0.3
"""How long a client may take to say goodbye; the HTTP server then cuts it off."""

_logger = logging.getLogger(__name__)
_logger.setLevel(logging.WARNING)  # below that the library writes down what clients send, tokens included


class Engine:
    """Owns the Socket.IO server, its requests and the tasks it starts, some of which the library leaves behind.

    ``fast_path`` takes effect with the versions of the libraries it was tested with; ``fast`` says whether it did.
    """

    def __init__(
        self,
        *,
        fast_path: bool = True,
        ping_interval_s: float = 25.0,
        ping_timeout_s: float = 20.0,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._max_connections = max_connections
        self.fast = fast_path and fits()
        self.server = (FastServer if self.fast else socketio.AsyncServer)(
            async_mode="aiohttp",
            namespaces=[wire.NAMESPACE],
            max_http_buffer_size=max_message_bytes,
            cors_allowed_origins="*",  # the gate has looked at the origin; nothing here is opened by a cookie
            cors_credentials=False,
            ping_interval=ping_interval_s,
            ping_timeout=ping_timeout_s,
            async_handlers=False,  # a client's messages are answered one by one, in order
            logger=_logger,
            engineio_logger=_logger,
        )
        self._requests: dict[asyncio.Task[Any], web.Request] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.server.eio.start_background_task = self._start
        self.wires: Wires[Any] = FastWires(self.server) if self.fast else LibraryWires(self.server, self._transport_of)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request of a client: an upgrade lasts as long as its socket, a poll until there is something."""
        if "sid" not in request.query and len(self.server.eio.sockets) >= self._max_connections:
            return web.Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                text=f"This gateway has as many connections as it may have ({self._max_connections}).\n",
                headers={hdrs.RETRY_AFTER: str(FULL_RETRY_S)},
            )
        task = asyncio.current_task()
        assert task is not None
        self._requests[task] = request
        try:
            asked = _Whole(request, await request.read()) if request.method == hdrs.METH_POST else request
            response: web.StreamResponse = await self.server.handle_request(asked)
            return response
        finally:
            del self._requests[task]

    async def close(self) -> None:
        """Say goodbye to every client, cut off those that do not answer, and end all tasks.

        Only the transports are closed: a client that is told to leave the namespace would not come back by itself.
        """
        goodbyes = [asyncio.create_task(self.server.eio.disconnect(sid)) for sid in list(self.server.eio.sockets)]
        leaving = {*goodbyes, *self._requests}
        if leaving:
            await asyncio.wait(leaving, timeout=GOODBYE_S)
        for request in self._requests.values():
            if request.transport is not None:
                request.transport.abort()
        await self.server.shutdown()
        await _cancel([*goodbyes, *self._requests, *self._tasks])

    def connections(self) -> Counter[str]:
        """How many connections there are by transport."""
        return Counter(self.server.eio.transport(sid) for sid in list(self.server.eio.sockets))

    def _transport_of(self, sid: str) -> asyncio.Transport | None:
        """The transport of a client's websocket; ``None`` for one that polls."""
        eio_sid = self.server.manager.eio_sid_from_sid(sid, wire.NAMESPACE)
        first = (self.server.get_environ(sid, wire.NAMESPACE) or {}).get("aiohttp.request")
        for request in self._requests.values():
            is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
            if is_websocket and (request is first or request.query.get("sid") == eio_sid):
                return request.transport
        return None

    def _start(self, work: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **named: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work(*args, **named))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Whole:
    """A poll's request with its whole body at hand: the library takes what has come so far for all there is."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request = request
        self._body = body

    @property
    def content(self) -> _Whole:
        """What the library reads the body from."""
        return self

    async def read(self, _length: int) -> bytes:
        """The body."""
        return self._body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE_S)
