"""The Socket.IO server of one gateway: made as we need it, and ended completely."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import socketio
from aiohttp import hdrs, web

from .. import wire
from ._fanout import FastServer, FastWires, LibraryWires, Wires, fits
from ._faults import drop_faults_of_peers
from ._packets import Sense, is_poll, sense_of
from ._patience import Pending
from ._rest import whole_body

MAX_MESSAGE_BYTES = 1_000_000
MAX_CONNECTIONS = 5_000
FULL_RETRY_S = 5
JSONP = "j"
"""In a query it asks for a script, which pages of any origin could read."""
SESSION_ENDED = "That session has ended: begin anew."
UPGRADE_LOST = (
    "A websocket needs the header Connection: Upgrade as well. If the client sent it, a proxy in between took it out; "
    "nginx passes it on with: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";'
)
GOODBYE_S = 0.3
"""How long a client may take to say goodbye; the HTTP server then cuts it off."""

_logger = logging.getLogger(__name__)
_logger.setLevel(logging.WARNING)  # below that the library writes down what clients send, tokens included
_logger.addFilter(drop_faults_of_peers)


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
        self._visits: dict[asyncio.Task[Any], _Visit] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.server.eio.start_background_task = self._start
        self._let_in, self._heed = (self.server.eio.handlers[name] for name in ("connect", "message"))
        self.server.eio.on("connect", self._note_session)
        self.server.eio.on("message", self._look_at)
        self.wires: Wires[Any] = FastWires(self.server) if self.fast else LibraryWires(self.server, self._transport_of)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request of a client: an upgrade lasts as long as its socket, a poll until there is something."""
        if "sid" not in request.query and len(self.server.eio.sockets) >= self._max_connections:
            return self._full()
        if JSONP in request.query:
            return _refused("Scripts of other pages are not answered: poll without j.")
        if _lost_its_upgrade(request):
            return _refused(UPGRADE_LOST)
        task = asyncio.current_task()
        assert task is not None
        visit = self._visits[task] = _Visit(request, self.server.eio.sockets.get(request.query.get("sid")))
        try:
            return await self._serve(visit)
        except (ValueError, RecursionError):
            # A websocket's frame is no packet: the library lets that through to here, with its writer still waiting.
            await self.hang_up(visit.session)
            return _refused("That is no Engine.IO packet.")
        except ConnectionError:
            # The peer went while it was written to. When that was its upgrade, its session may go on polling.
            if visit.session is not None and visit.session.upgraded:
                await self.hang_up(visit.session)
            return _refused("The connection was lost.")
        except Exception:
            await self.hang_up(visit.session)
            raise
        finally:
            del self._visits[task]
            visit.leave_polling()

    async def hang_up(self, session: Any) -> None:
        """End a session at once, with its websockets; a client that polls learns that it has to begin anew."""
        if session is None:
            return
        self.server.eio.sockets.pop(session.sid, None)
        for visit in self._visits.values():
            if visit.session is session and visit.is_websocket:
                visit.abort()
        await session.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        session.queue.put_nowait(None)  # its writer waits for that

    def pending(self) -> Pending:
        """Sessions whose clients have joined nothing, and websockets that carry no session."""
        joined = self.server.manager.sid_from_eio_sid
        strangers: dict[Any, Callable[[], Any]] = {
            session: partial(self._start, self.hang_up, session)
            for sid, session in self.server.eio.sockets.items()
            if joined(sid, wire.NAMESPACE) is None
        }
        return strangers | {visit: visit.abort for visit in self._visits.values() if visit.leads_nowhere}

    async def close(self) -> None:
        """Say goodbye to every client, cut off those that do not answer, and end all tasks.

        Only the transports are closed: a client that is told to leave the namespace would not come back by itself.
        """
        goodbyes = [asyncio.create_task(self.server.eio.disconnect(sid)) for sid in list(self.server.eio.sockets)]
        leaving = {*goodbyes, *self._visits}
        if leaving:
            await asyncio.wait(leaving, timeout=GOODBYE_S)
        for visit in self._visits.values():
            visit.abort()
            if visit.session is not None:
                visit.session.queue.put_nowait(None)  # its writer waits for that, and the library shields the wait
        await self.server.shutdown()
        await _cancel([*goodbyes, *self._visits, *self._tasks])

    def connections(self) -> Counter[str]:
        """How many connections there are by transport."""
        sessions = list(self.server.eio.sockets.values())
        return Counter("websocket" if one.upgraded else "polling" for one in sessions if not one.closed)

    def _transport_of(self, sid: str) -> asyncio.Transport | None:
        """The transport of a client's websocket; ``None`` for one that polls."""
        session = self.server.eio.sockets.get(self.server.manager.eio_sid_from_sid(sid, wire.NAMESPACE))
        visits = (visit for visit in self._visits.values() if visit.is_websocket and visit.session is session)
        return next((visit.request.transport for visit in visits if session is not None), None)

    async def _serve(self, visit: _Visit) -> web.StreamResponse:
        asked: web.Request | _Whole = visit.request
        if visit.request.method == hdrs.METH_POST:
            asked = _Whole(visit.request, body := await whole_body(visit.request))
            if not is_poll(body):
                await self.hang_up(visit.session)
                return _refused("That is no Engine.IO payload.")
        try:
            response: web.StreamResponse = await self.server.handle_request(asked)
        except KeyError:
            if visit.session is None or not visit.session.closed:
                raise
            return _refused(SESSION_ENDED)  # while the library had not yet put it away
        return response

    async def _note_session(self, sid: str, environ: Any) -> Any:
        """A session has begun, with the request in hand."""
        task = asyncio.current_task()
        if task is not None and (visit := self._visits.get(task)) is not None:
            visit.session = self.server.eio.sockets[sid]
        return await self._let_in(sid, environ)

    async def _look_at(self, sid: str, message: Any) -> None:
        session = self.server.eio.sockets.get(sid)
        if session is None or session.closed:
            return  # it has hung up, or was hung up on, and the library would take it in again
        sense = sense_of(message)
        if sense is Sense.HEED:
            await self._heed(sid, message)
        elif sense is Sense.NONE:
            await self.hang_up(session)

    def _full(self) -> web.Response:
        return web.Response(
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            text=f"This gateway has as many connections as it may have ({self._max_connections}).\n",
            headers={hdrs.RETRY_AFTER: str(FULL_RETRY_S)},
        )

    def _start(self, work: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **named: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work(*args, **named))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@dataclass(slots=True, eq=False)
class _Visit:
    """A request in hand, and the library's session it belongs to."""

    request: web.Request
    session: Any = None

    @property
    def is_websocket(self) -> bool:
        return self.request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"

    @property
    def leads_nowhere(self) -> bool:
        """Whether it is a websocket that carries no session: it has none, or its upgrade stopped half way."""
        return self.is_websocket and (self.session is None or self.session.closed or not self.session.upgraded)

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()

    def leave_polling(self) -> None:
        """A websocket goes before its session was upgraded: the library would hold back its events for ever."""
        if self.is_websocket and self.session is not None and not self.session.upgraded:
            self.session.upgrading = False


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


def _lost_its_upgrade(request: web.Request) -> bool:
    """Whether a websocket is asked for without the header that HTTP wants beside it."""
    connection = request.headers.get(hdrs.CONNECTION, "").lower().split(",")
    asked = request.query.get("transport") == "websocket" and hdrs.UPGRADE in request.headers
    return asked and "upgrade" not in map(str.strip, connection)


def _refused(sentence: str) -> web.Response:
    return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{sentence}\n")


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE_S)
