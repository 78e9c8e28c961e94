"""A gateway that does what a script says, over real sockets: a recording played again, or quirks on demand."""

from __future__ import annotations

import asyncio
import contextlib
import ssl as tls
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import socketio
from aiohttp import web

from .. import wire
from ..errors import UsageError
from ._played import PlayedScript
from ._quirks import Quirks, QuirkyScript
from ._script import Answer, Script, Stage, refusal
from ._thread import Served

CALL_S = 10.0


class ScriptedGateway(Served):
    """A gateway of the field for tests: real Socket.IO and REST on a free port, and no scanner behind it.

    ::

        with ScriptedGateway(Quirks(failures=1)) as gateway, scanwatch.connect(gateway.url) as client:
            assert client.scan("https://git.example/acme/payments").wait(30).attempt == 2

    Args:
        script: how it behaves (:class:`Quirks`), or the path of a recording to play again: each recorded scan begins
            when a client triggers it, with what the recording holds of it.
        speed: how many times faster than recorded a recording is played.
        prefix: the path it is served under, such as ``/user/ada/proxy/8700``.
        token: what clients must show; none: everybody is let in. It may be changed while the gateway runs.
        ssl: a server's TLS context, for ``https``.

    Attributes:
        url: where it listens.
        requests: every request so far, ``GET /api/v1/scans/...``.

    Raises:
        UsageError: the recording cannot be read, or a line of it is none; the message names the line.
    """

    def __init__(
        self,
        script: Quirks | str | Path | None = None,
        *,
        speed: float = 1.0,
        prefix: str = "",
        token: str | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        super().__init__("scanwatch-scripted-gateway")
        self.token = token
        self.requests: list[str] = []
        self.script = _script(script, speed)
        self._prefix = prefix.rstrip("/")
        self._ssl = ssl
        self._sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[])
        self._sio.on("connect", self._connected, namespace=wire.NAMESPACE)
        self._sio.on(wire.SUBSCRIBE, self._subscribed, namespace=wire.NAMESPACE)
        self._clients: set[str] = set()
        self._greeting: set[asyncio.Task[None]] = set()

    @property
    def targets(self) -> list[str]:
        """The targets of a recording's scans, in the order in which they were triggered; else those registered."""
        return self.script.targets

    @property
    def scan_ids(self) -> list[str]:
        """The ids of the scans triggered so far; of a recording: of all that it triggers."""
        return self.script.scan_ids

    def send(self, name: str, *args: Any) -> None:
        """Send anything to everybody, nonsense included."""
        self._call(lambda: self._emit(name, *args))

    def cut(self) -> None:
        """Drop every push connection; clients will connect again."""
        self._call(self._cut)

    def forget(self, scan_id: str) -> None:
        """Know a scan no more, as after its repository was deleted."""
        self._running_loop().call_soon_threadsafe(self.script.forget, scan_id)

    def _call(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        loop = self._running_loop()
        asyncio.run_coroutine_threadsafe(work(), loop).result(CALL_S)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self.loop is None or self.loop.is_closed():
            raise UsageError("This gateway does not run; use it within its `with` block, or call start().")
        return self.loop

    # -- life ------------------------------------------------------------------------------------------------------

    async def _serve(self, stop: asyncio.Event) -> None:
        app = web.Application()
        self._sio.attach(app, socketio_path=f"{self._prefix}/{wire.SOCKETIO_PATH}".lstrip("/"))
        app.router.add_route("*", f"{self._prefix}/{{rest:.*}}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._ssl).start()
        self.script.begin(Stage(self._emit, self._cut))
        scheme = "http" if self._ssl is None else "https"
        self._listens(f"{scheme}://127.0.0.1:{runner.addresses[0][1]}{self._prefix}/")
        await stop.wait()
        await self.script.end()
        for greeting in self._greeting:
            greeting.cancel()
        await self._sio.shutdown()
        await runner.cleanup()

    # -- the push connection ---------------------------------------------------------------------------------------

    async def _connected(self, sid: str, _environ: Any, auth: Any = None) -> None:
        said = auth if isinstance(auth, dict) else {}
        if self.token is not None and said.get("token") != self.token:
            raise socketio.exceptions.ConnectionRefusedError("A valid token is needed")
        self._clients.add(sid)
        self.script.joined()
        if self.script.hello is not None and said.get("protocol"):
            greeting = asyncio.create_task(self._greet(sid))  # after CONNECT, never before
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeting.discard)

    async def _greet(self, sid: str) -> None:
        await self._sio.emit(wire.GATEWAY, self.script.hello, to=sid, namespace=wire.NAMESPACE)

    async def _subscribed(self, _sid: str, request: Any = None) -> Any:
        return await self.script.subscribe(request)

    async def _emit(self, name: str, *args: Any) -> None:
        await self._sio.emit(name, args, namespace=wire.NAMESPACE)

    async def _cut(self) -> None:
        clients, self._clients = self._clients, set()
        for sid in clients:
            with contextlib.suppress(KeyError):
                await self._sio.eio.disconnect(self._sio.manager.eio_sid_from_sid(sid, wire.NAMESPACE))

    # -- requests --------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path_qs.removeprefix(self._prefix)
        self.requests.append(f"{request.method} {path}")
        status, data = await self._decide(request, path)
        if status == 204:
            return web.Response(status=204)
        return web.json_response(data, status=status)

    async def _decide(self, request: web.Request, path: str) -> Answer:
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "Unauthorized")
        text = await request.read()
        try:
            body = msgspec.json.decode(text) if text else None
        except msgspec.DecodeError:
            return refusal(400, "The body is no JSON")
        return await self.script.answer(request.method, path, body)


def _script(script: Quirks | str | Path | None, speed: float) -> Script:
    if isinstance(script, str | Path):
        return PlayedScript(script, speed)
    if script is None or isinstance(script, Quirks):
        return QuirkyScript(script or Quirks())
    raise UsageError(f"ScriptedGateway() takes Quirks(...) or the path of a recording, not {script!r}.")
