"""The fast path: the library's server with its way from an event to a socket replaced.

As it comes, python-socketio starts a task for each recipient and python-engineio a timer for each packet. Here an event
is encoded and framed once and the frame is written to the transport of every websocket whose writer is idle, with
nothing queued, in flight or paused, so that nothing overtakes a CONNECT or an acknowledgement. Everything else goes
through the library's queue. This is the only module that touches private parts of the three libraries; it serves with
the versions in ``TESTED``, and others get the library as it comes.
"""

from __future__ import annotations

import asyncio
import re
import time
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]  # private
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import engineio
import socketio
from aiohttp import web
from engineio import exceptions, packet
from engineio.async_drivers.aiohttp import WebSocket
from engineio.async_socket import AsyncSocket

from ... import wire
from ...model import Event
from ._frames import EVENT, event_text, frame
from ._lines import QUEUE_LENGTH, Line, Payload
from ._queue import SmallQueue

TESTED = {"python-socketio": ((5, 18), (5, 19)), "python-engineio": ((4, 15), (4, 16)), "aiohttp": ((3, 14), (3, 15))}
"""The first version of each library that was tested, and the first that was not."""
POLL_PACKETS = 16
"""Packets in one answer to a poll: the library's own client refuses more."""
QUEUE_BYTES = 2_000_000
"""What may wait in a connection's queue, if all that waits is as long as what comes."""
SWEEPS_PER_PING = 20

_PAUSED = "_protocol_paused"
_OF_CLIENTS = frozenset({packet.PONG, packet.MESSAGE, packet.UPGRADE, packet.CLOSE})
_MESSAGE_EVENT = f"{packet.MESSAGE}{EVENT}".encode()


def fits(versions: Mapping[str, str] | None = None) -> bool:
    """Whether the installed libraries (or ``versions``) are those the fast path was tested with."""
    return all(
        first <= _numbers(version(name) if versions is None else versions[name]) < beyond
        for name, (first, beyond) in TESTED.items()
    )


class FastServer(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """The library's server on :class:`FastEngine`."""

    def _engineio_server_class(self) -> type[FastEngine]:
        return FastEngine


class FastEngine(engineio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """Makes :class:`FastSocket` connections, and watches over all of them with one task."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async: dict[str, Any] = {**self._async, "websocket": _PlainWebSocket}

    def create_queue(self, *_args: Any, **_options: Any) -> SmallQueue[packet.Packet | None]:
        return SmallQueue()

    async def _trigger_event(self, event: str, *args: Any, **options: Any) -> Any:
        """The library offers no other moment: it has just made the connection, and has done nothing with it yet."""
        if event == "connect":
            FastSocket.take_over(self.sockets[args[0]])
        return await super()._trigger_event(event, *args, **options)

    async def _service_task(self) -> None:
        """Ping everybody in time and cut off who does not answer: one timer instead of several for each packet."""
        self.service_task_event = asyncio.Event()
        pause_s = min(self.ping_interval, self.ping_timeout) / SWEEPS_PER_PING
        while not self.service_task_event.is_set():
            try:
                await asyncio.wait_for(self.service_task_event.wait(), pause_s)
            except TimeoutError:
                self._sweep(time.monotonic())

    def _sweep(self, now: float) -> None:
        for sid, socket in list(self.sockets.items()):
            if socket.closed:
                del self.sockets[sid]
            elif socket.closing:
                pass
            elif socket.last_ping is None:
                if now >= socket.ping_at:
                    socket.last_ping = now
                    socket.post(packet.Packet(packet.PING))
            elif now - socket.last_ping > self.ping_timeout:
                self.start_background_task(socket.time_out)


class FastSocket(AsyncSocket):  # type: ignore[misc]  # the library has no types
    """A connection that writes by itself whenever the library's writer has nothing to do."""

    connected: bool
    upgraded: bool
    last_ping: float | None
    ping_at: float
    line: FastLine

    @classmethod
    def take_over(cls, socket: AsyncSocket) -> None:
        """Make a connection of the library one of ours."""
        socket.__class__ = cls
        socket.last_ping, socket.ping_at = time.monotonic(), 0.0
        socket.line = FastLine(socket)

    def post(self, pkt: packet.Packet) -> None:
        """Send a packet now, or queue it."""
        if not self.line.write(frame(pkt.encode().encode())):
            self.enqueue(pkt)

    def enqueue(self, pkt: packet.Packet | None) -> None:
        """Leave a packet to the library's writer, which has something to do from now on."""
        self.line.idle = False
        self.queue.put_nowait(pkt)

    async def send(self, pkt: packet.Packet) -> None:
        if self.closed:
            raise exceptions.SocketIsClosedError()
        self.post(pkt)

    async def poll(self) -> list[packet.Packet]:
        """The packets to send next. For a websocket, without the library's timer: the sweep finds dead peers."""
        if not self.upgraded:
            return await self._poll_http()
        self.line.idle = hasattr(self.line.transport, _PAUSED)  # other loops' transports get the library's queue
        try:
            first = await self.queue.get()
        except asyncio.CancelledError:
            raise exceptions.QueueEmpty() from None
        finally:
            self.line.idle = False
        self.queue.task_done()
        return [] if first is None else self._and_more(first)

    async def time_out(self) -> None:
        """End a connection that left a ping unanswered, without waiting for it to read anything."""
        await self.close(wait=False, abort=False, reason=self.server.reason.PING_TIMEOUT)
        self.cut()

    async def drop(self) -> None:
        """End a connection that reads too slowly."""
        self.cut()
        await self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        self.enqueue(None)

    def cut(self) -> None:
        """Close the transport of a websocket at once, with whatever it has not sent."""
        self.line.idle = False
        if self.line.transport is not None:
            self.line.transport.abort()

    def schedule_ping(self) -> None:
        if self.last_ping is not None:
            self.last_ping = None
            self.ping_at = time.monotonic() + self.server.ping_interval

    async def _poll_http(self) -> list[packet.Packet]:
        try:
            first = await asyncio.wait_for(self.queue.get(), self.server.ping_interval + self.server.ping_timeout)
        except (TimeoutError, asyncio.CancelledError):
            raise exceptions.QueueEmpty() from None
        self.queue.task_done()
        return [] if first is None else self._and_more(first, POLL_PACKETS)

    def _and_more(self, first: packet.Packet, limit: int | None = None) -> list[packet.Packet]:
        """``first`` and what else is queued; the ``None`` that ends the connection stays for the next time."""
        packets = [first]
        while not self.queue.empty() and len(packets) != limit:
            following = self.queue.get_nowait()
            self.queue.task_done()
            if following is None:
                self.queue.put_nowait(None)
                break
            packets.append(following)
        return packets

    async def _websocket_handler(self, ws: _PlainWebSocket) -> None:
        """As the library's, without a task and two timers for each message: the sweep finds dead peers.

        The transport is written to only once the writer first waits for something.
        """
        writer = ws.response._writer
        assert writer is not None
        assert writer.transport is not None
        self.line.take_hold(writer.transport)
        if self.connected and not await self._leaves_polling(ws):
            return
        self.connected = self.upgraded = True
        writing = asyncio.ensure_future(self._write(ws))
        await self._read(ws)
        self.enqueue(None)
        await writing
        await self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)

    async def _leaves_polling(self, ws: _PlainWebSocket) -> bool:
        """The handshake of a client that has polled so far; whether it goes on with the websocket."""
        self.upgrading = True  # polls are answered with nothing meanwhile
        try:
            if await ws.wait() != f"{packet.PING}probe":
                return False
            await ws.send(f"{packet.PONG}probe")
            self.enqueue(packet.Packet(packet.NOOP))  # the poll under way ends with it
            return await ws.wait() == f"{packet.UPGRADE}"
        except OSError:
            return False
        finally:
            self.upgrading = False

    async def _write(self, ws: _PlainWebSocket) -> None:
        """Send what is queued until the end of the connection."""
        try:
            while packets := await self.poll():
                for each in packets:
                    await ws.send(each.encode())
        except (exceptions.QueueEmpty, OSError, RuntimeError):
            pass  # ended from here, or by the peer
        await ws.close()

    async def _read(self, ws: _PlainWebSocket) -> None:
        """Take what the client says until it has gone."""
        try:
            while len(said := await ws.wait()) <= self.server.max_http_buffer_size:
                await self._take(packet.Packet(encoded_packet=said))
        except (OSError, asyncio.CancelledError, exceptions.SocketIsClosedError):
            pass

    async def _take(self, pkt: packet.Packet) -> None:
        """Heed one packet; one of a kind that clients do not send is passed over."""
        if pkt.packet_type not in _OF_CLIENTS:
            return
        try:
            await self.receive(pkt)
        except exceptions.SocketIsClosedError:
            raise
        except Exception:
            self.server.logger.exception("Unknown receive error")


class _PlainWebSocket(WebSocket):  # type: ignore[misc]  # the library has no types
    """The library's websocket without permessage-deflate, which costs more than it saves."""

    response: web.WebSocketResponse

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        self.environ = environ
        self.response = self._sock = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False
        )
        await self._sock.prepare(environ["aiohttp.request"])
        await self.handler(self)
        return self._sock

    async def wait(self) -> str | bytes:
        """The next message; once there is none, the websocket has been closed and no frame may follow."""
        message = await self._sock.receive()
        if not isinstance(message.data, str | bytes):
            self.handler.__self__.line.idle = False
            raise OSError("the websocket is closed")
        return message.data


class FastLine(Line):
    """The connection of a client of the namespace, with all that is asked of it before a write close at hand."""

    __slots__ = ("_send", "idle", "socket", "transport")

    def __init__(self, socket: FastSocket) -> None:
        super().__init__("")
        self.socket = socket
        self.transport: Any = None
        """The websocket's, from its handshake on."""
        self._send: Callable[[bytes], int] | None = None
        """Its socket's, if the transport writes to that as selector loops do."""
        self.idle = False
        """Whether the library's writer waits with an empty queue; never without a transport or once a close is said."""

    def writable(self) -> bool:
        """Whether a frame written now comes after everything sent before, and leaves the process at once."""
        return self.idle and not self.transport._protocol_paused and not self.transport.is_closing()

    def take_hold(self, transport: asyncio.Transport) -> None:
        """Learn the transport, once the handshake of the websocket is done."""
        self.transport = transport
        if isinstance(transport, _SelectorSocketTransport):
            self._send = transport._sock.send

    def write(self, data: bytes) -> bool:
        """Write a frame if the line is ``writable``; whether it did."""
        if not self.idle:
            return False
        transport = self.transport
        if self._send is not None and not transport._buffer and not transport._conn_lost:
            # What the transport would do as well, after it has asked itself eight questions.
            try:
                sent = self._send(data)
            except OSError:
                sent = 0  # the transport meets the same, and knows what to do
            if sent != len(data):
                transport.write(data[sent:])
            return True
        if not self.writable():
            return False
        transport.write(data)
        return True

    def send(self, name: str, payload: Payload) -> None:
        self.socket.post(packet.Packet(packet.MESSAGE, event_text(name, payload)))

    def has_room(self) -> bool:
        socket = self.socket
        return socket.queue.qsize() * 2 <= QUEUE_LENGTH and not getattr(self.transport, _PAUSED, False)

    def unsent(self) -> tuple[int, int]:
        return self.socket.queue.qsize(), self.transport.get_write_buffer_size() if self.transport else 0

    def abort(self) -> None:
        self.socket.server.start_background_task(self.socket.drop)


class FastWires:
    """All connections, written to directly wherever that is right."""

    def __init__(self, server: FastServer) -> None:
        self._server = server
        self._held: dict[FastLine, list[bytes]] | None = None
        """What each connection is to be written when the ``together`` that is under way ends."""

    def line(self, sid: str) -> FastLine:
        eio_sid = self._server.manager.eio_sid_from_sid(sid, wire.NAMESPACE)
        line: FastLine = self._server.eio.sockets[eio_sid].line
        line.sid, line.behind = sid, False
        return line

    def deliver(self, event: Event, lines: Collection[FastLine]) -> list[FastLine]:
        framed = frame(_MESSAGE_EVENT + (text := wire.encode_event_json(event)))
        if self._held is None:
            left = [line for line in lines if line.behind or not line.write(framed)]
        else:
            left = [line for line in lines if line.behind or not _hold(self._held, line, framed)]
        return self._queued(EVENT + text.decode(), left) if left else left

    @contextmanager
    def together(self) -> Iterator[None]:
        held = self._held = dict[FastLine, list[bytes]]()
        try:
            yield
        finally:
            self._held = None
            for line, frames in held.items():
                line.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _queued(self, text: str, lines: list[FastLine]) -> list[FastLine]:
        """Queue a packet for each of ``lines`` that is not behind and has room; returns the others."""
        message = packet.Packet(packet.MESSAGE, text)
        limit = min(QUEUE_LENGTH, 1 + QUEUE_BYTES // len(text))
        refused: list[FastLine] = []
        for line in lines:
            if line.behind or line.socket.queue.qsize() >= limit:
                refused.append(line)
            else:
                line.socket.enqueue(message)
        return refused

    async def settled(self) -> None:
        """All is written or queued as soon as it is delivered."""

    async def close(self) -> None:
        """Nothing works in the background."""


def _hold(held: dict[FastLine, list[bytes]], line: FastLine, framed: bytes) -> bool:
    """Have a frame written later, if it could be now: nothing happens meanwhile, so that what is writable stays so."""
    if not line.writable():
        return False
    held.setdefault(line, []).append(framed)
    return True


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))
