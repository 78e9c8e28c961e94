"""A plain reverse proxy that serves a gateway below a prefix, which it strips, as many are set up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-encoding", "content-length"}
START_S = 10.0


class StrippingProxy:
    """Passes what is asked below ``prefix`` on to ``target``; everything else is not found.

    Proxies differ in the name they pass on: the one they were asked by, or the target's.
    """

    def __init__(self, target: str, prefix: str, keeps_host: bool) -> None:
        self.url = ""
        self._target = target
        self._prefix = prefix
        self._dropped = HOP_BY_HOP if keeps_host else HOP_BY_HOP | {"host"}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stripping-proxy", daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(START_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", self._prefix + "{rest:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}{self._prefix}"
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        url = f"{self._target}/{request.match_info['rest']}?{request.query_string}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in self._dropped}
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_socket(request, url, headers)
        body = await request.read()
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _pass_socket(self, request: web.Request, url: str, headers: dict[str, str]) -> web.WebSocketResponse:
        inner = web.WebSocketResponse()
        await inner.prepare(request)
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
        async with self._session.ws_connect(url, headers=headers) as outer:
            ways = [asyncio.create_task(_pump(inner, outer)), asyncio.create_task(_pump(outer, inner))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await inner.close()
        await asyncio.gather(*ways, return_exceptions=True)
        return inner


async def _pump(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        await sink.send_str(message.data)


@contextmanager
def stripping_proxy(
    target: str, prefix: str = "/tools/scanwatch/", *, keeps_host: bool = True
) -> Iterator[StrippingProxy]:
    proxy = StrippingProxy(target, prefix, keeps_host)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
