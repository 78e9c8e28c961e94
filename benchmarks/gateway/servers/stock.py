"""python-socketio on aiohttp as it comes: a room for each scan."""

from __future__ import annotations

import asyncio
from typing import Any

import control
import socketio
from aiohttp import web

NAMESPACE = "/ws"


async def main() -> None:
    """Serve until the benchmark ends."""
    server = socketio.AsyncServer(async_mode="aiohttp", namespaces=[NAMESPACE])

    async def subscribe(sid: str, request: dict[str, Any]) -> dict[str, bool]:
        for scan in request["scanIds"]:
            await server.enter_room(sid, scan, namespace=NAMESPACE)
        return {"ok": True}

    async def emit(scan: str, number: int, message: str) -> None:
        payload = control.seed_payload(scan, number, message)
        await server.emit(f"scan:{scan}:progress", payload, room=scan, namespace=NAMESPACE)

    server.on("connect", lambda *_: None, namespace=NAMESPACE)
    server.on("subscribe", subscribe, namespace=NAMESPACE)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"Ready at http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await control.obey(emit, control.scans())


if __name__ == "__main__":
    asyncio.run(main())
