"""The floor: bare aiohttp websockets, each event written to every connection.

floor.py prebuilt      one frame built for each event and written to each transport
floor.py send_str      aiohttp's own send, which frames the text for each connection
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys

import control
from aiohttp import WSMsgType, web


def _frame(text: bytes) -> bytes:
    size = len(text)
    return (bytes((0x81, size)) if size < 126 else struct.pack("!BBH", 0x81, 126, size)) + text


async def main(way: str) -> None:
    """Serve until the benchmark ends."""
    sockets: set[web.WebSocketResponse] = set()
    transports: set[asyncio.Transport] = set()

    async def join(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        sockets.add(socket)
        transports.add(request.transport)
        while (await socket.receive()).type is not WSMsgType.CLOSED:
            pass
        return socket

    async def emit(scan: str, number: int, message: str) -> None:
        event = [f"scan:{scan}:progress", control.seed_payload(scan, number, message)]
        text = "42/ws," + json.dumps(event, separators=(",", ":"))
        if way == "prebuilt":
            frame = _frame(text.encode())
            for transport in transports:
                transport.write(frame)
        else:
            for socket in sockets:
                await socket.send_str(text)

    app = web.Application()
    app.router.add_get("/raw", join)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"Ready at http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await control.obey(emit, control.scans())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
