"""One push connection: a fresh Socket.IO client that joins the namespace, tells what it hears, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import socketio
from socketio import exceptions as foreign

from ... import wire
from ...errors import GatewayRefused, GatewayUnreachable, ScanwatchError, WireError
from ...wire import RecordedEvent, RecordedSocket
from .._address import Address
from .._received import Received
from .._transport import Listener
from ._rest import new_http, refusal

JOIN_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 15.0
LEAVE_TIMEOUT_S = 2.0
LOOK_EVERY_S = 1.0
"""How often a connection is looked at that should have told us of its end."""

_logger = logging.getLogger(__name__)
_logger.addHandler(logging.NullHandler())  # what the libraries complain of is told by the connection's state


class Push:
    """One attempt at the push connection; use it once. ``was_joined`` tells whether it ever stood."""

    def __init__(self, address: Address, listener: Listener, received: Received) -> None:
        self.was_joined = False
        self._address = address
        self._listener = listener
        self._received = received
        self._ended = asyncio.Event()
        self._sending = asyncio.Lock()
        self._answers: set[asyncio.Future[Any]] = set()
        self._refusal: GatewayRefused | None = None
        self._said: str | None = None
        """The gateway's own words for not letting us in."""
        self._why = "The connection was lost"
        self._sio: Any = None

    async def run(self) -> str:
        """Join, listen until the connection ends, and say why it did.

        Raises:
            GatewayUnreachable: it could not be made.
            GatewayRefused: the gateway does not let this client in.
        """
        http = new_http(self._address)
        self._sio = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, http_session=http, logger=_logger, engineio_logger=_logger
        )
        self._listen()
        try:
            await self._join()
            while self._sio.connected and not self._ended.is_set():
                await _wait_for(self._ended, LOOK_EVERY_S)
        finally:
            if self.was_joined:
                self._received(lambda: RecordedSocket(t_ms=0, what="disconnect"))
            self._fail_answers()
            await self._leave()
            await http.close()
        return self._why

    async def _leave(self) -> None:
        """End the connection in whatever state it is: the library forgets one that was still being made."""
        leaving = self._sio.shutdown() if self._sio.connected else self._sio.eio.disconnect(abort=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await leaving

    async def ask(self, event: str, request: dict[str, Any]) -> Any:
        """What the gateway acknowledges ``event`` with.

        Raises:
            GatewayUnreachable: the connection ended, or no answer came in time.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.add(answer)

        def answered(*args: Any) -> None:
            if not answer.done():
                answer.set_result(args[0] if args else None)

        try:
            async with self._sending:
                await self._sio.emit(event, request, namespace=wire.NAMESPACE, callback=answered)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await answer
        except (foreign.SocketIOError, TimeoutError, OSError) as error:
            raise GatewayUnreachable(
                f"The gateway at {self._address.url} did not answer {event} ({error or 'no answer in time'})."
            ) from error
        finally:
            self._answers.discard(answer)

    def _fail_answers(self) -> None:
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(GatewayUnreachable(f"The connection to {self._address.url} ended."))

    async def _join(self) -> None:
        prefix = self._address.prefix
        path = f"{prefix}/{wire.SOCKETIO_PATH}" if prefix else wire.SOCKETIO_PATH
        token = self._address.current_token()
        try:
            await self._sio.connect(
                self._address.origin,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                auth=wire.to_plain(wire.Auth(protocol=wire.PROTOCOL, token=token)),
                namespaces=[wire.NAMESPACE],
                socketio_path=path,
                wait_timeout=JOIN_TIMEOUT_S,
            )
        except Exception as error:  # the library lets through whatever a stranger's answer makes it stumble over
            if self._refusal is not None:
                raise self._refusal from None
            if refused := _refused_status(error):
                raise refusal(self._address.url, refused, self._said) from error
            raise GatewayUnreachable(
                f"Events from {self._address.url} cannot be received ({error or type(error).__name__})."
            ) from error

    def _listen(self) -> None:
        """Register handlers. They take whatever arguments come, and only note them: servers send more, or fewer."""
        listen: Callable[..., Any] = self._sio.on
        listen("connect", self._joined, namespace=wire.NAMESPACE)
        listen("disconnect", self._left, namespace=wire.NAMESPACE)
        listen("connect_error", self._rejected, namespace=wire.NAMESPACE)
        listen(wire.GATEWAY, self._greeted, namespace=wire.NAMESPACE)
        listen("*", self._heard, namespace=wire.NAMESPACE)

    def _joined(self, *_args: Any) -> None:
        self.was_joined = True
        self._received(lambda: RecordedSocket(t_ms=0, what="connect"))
        self._listener.joined()

    def _left(self, *args: Any) -> None:
        if args and isinstance(args[0], str):
            self._why = f"The connection was lost ({args[0]})"
        self._ended.set()

    def _rejected(self, *args: Any) -> None:
        said = args[0] if args else None
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            said = self._said = said["message"]
        elif not isinstance(said, str):
            said = None
        if self._sio.eio.state == "connected":  # the transport stands, so it is the namespace that refuses us
            self._refusal = refusal(self._address.url, None, said)

    def _greeted(self, *args: Any) -> None:
        self._received(lambda: RecordedEvent(t_ms=0, name=wire.GATEWAY, args=list(args)))
        try:
            hello = wire.decode_as(wire.Hello, args[0] if args else None, wire.GATEWAY)
            if hello.time is not None:
                self._listener.dated(wire.from_time(hello.time))
        except WireError:
            self._listener.nonsense_heard()
        else:
            self._listener.greeted(hello.caller, frozenset(hello.features), hello.workers)

    def _heard(self, name: Any = "", *args: Any) -> None:
        if not isinstance(name, str):
            self._listener.nonsense_heard()
            return
        self._received(lambda: RecordedEvent(t_ms=0, name=name, args=list(args)))
        if name == wire.REFUSED:  # the end of the connection follows, and the next attempt is told why
            return
        try:
            event = wire.decode_event(name, *args)
        except ScanwatchError:
            self._listener.nonsense_heard()
        else:
            self._listener.heard(event)
            if unknown := wire.unknown_keys(event.kind, args[0]):
                self._listener.unknown_keys_heard(unknown)


async def _wait_for(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):  # not wait_for(), which forgets a cancellation before Python 3.12
        async with asyncio.timeout(timeout_s):
            await event.wait()


def _refused_status(error: BaseException) -> int | None:
    """The HTTP status of a refusal that the Socket.IO client tells only in words."""
    words = str(error)
    return next((status for status in (401, 403) if f"status code {status}" in words), None)
