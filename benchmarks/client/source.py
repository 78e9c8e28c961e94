"""A gateway for the client benchmark: sends what it is told to, and answers reads and subscriptions. Nothing else.

    python benchmarks/client/source.py SCANS

Prints where it listens, then takes lines of JSON: ``{"events": 100, "interval_s": 2.0}`` sends so many events of each
scan, each with the moment it was sent as its message.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import socketio
from aiohttp import web

from scanwatch import wire
from scanwatch.model import Event, EventKind, Phase, ScanRecord, ScanStatus
from scanwatch.snapshot import Snapshot, apply

TOTAL = 1_000_000


class Source:
    """Its scans, and who listens."""

    def __init__(self, count: int) -> None:
        ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"sim://bench/{number}")) for number in range(count)]
        self._begun = datetime.now(UTC)
        self._scans = {
            one: Snapshot(one, target="sim://bench/scan", status=ScanStatus.IN_PROGRESS, created_at=self._begun)
            for one in ids
        }
        self._sent_ns = dict.fromkeys(ids, 0)
        self._sio = socketio.AsyncServer(async_mode="aiohttp", namespaces=[wire.NAMESPACE])
        self._sio.on("connect", self._connected, namespace=wire.NAMESPACE)
        self._sio.on(wire.SUBSCRIBE, self._subscribed, namespace=wire.NAMESPACE)
        self._greeting: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Listen, say where, and obey until the input ends."""
        app = web.Application()
        self._sio.attach(app)
        app.router.add_get("/api/v1/scans/{id}", self._read)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "ids": list(self._scans)}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await self._send(**json.loads(line))

    async def _send(self, events: int, interval_s: float) -> None:
        """So many events of each scan; those of a round are spread over the interval."""
        pause_s = interval_s / len(self._scans)
        due = time.monotonic()
        for _ in range(events):
            for scan_id in self._scans:
                due += pause_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._send_one(scan_id)

    async def _send_one(self, scan_id: str) -> None:
        before = self._scans[scan_id]
        self._sent_ns[scan_id] = sent_ns = time.monotonic_ns()
        event = Event(
            scan_id=scan_id,
            kind=EventKind.PROGRESS,
            time=datetime.now(UTC),
            seq=before.seq + 1,
            phase=Phase.PARSE,
            progress_percent=45,
            attempt=1,
            message=str(sent_ns),
            files_processed=before.seq + 1,
            total_files=TOTAL,
            current_file="src/payments/ledger.py",
        )
        self._scans[scan_id] = apply(before, event)
        name, payload = wire.encode_event(event)
        await self._sio.emit(name, payload, namespace=wire.NAMESPACE)

    async def _connected(self, sid: str, _environ: Any, auth: Any = None) -> None:
        if isinstance(auth, dict) and auth.get("protocol"):
            greeting = asyncio.create_task(self._greet(sid))  # after CONNECT, never before
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeting.discard)

    async def _greet(self, sid: str) -> None:
        hello = wire.to_plain(wire.Hello(name="scanwatch", version="0", features=["subscribe"]))
        await self._sio.emit(wire.GATEWAY, hello, to=sid, namespace=wire.NAMESPACE)

    async def _subscribed(self, _sid: str, request: dict[str, Any]) -> dict[str, Any]:
        scans = [wire.encode_subscribed(self._scans[one]) for one in request["scanIds"]]
        return {"ok": True, "more": False, "scans": scans}

    async def _read(self, request: web.Request) -> web.Response:
        scan = self._scans[request.match_info["id"]]
        record = ScanRecord(
            id=scan.scan_id,
            repository_id=None,
            status=scan.status,
            created_at=self._begun,
            target=scan.target,
            progress_percent=scan.progress_percent,
            seq=scan.seq,
        )
        return web.json_response({**wire.encode_scan(record), "sentNs": self._sent_ns[scan.scan_id]})


if __name__ == "__main__":
    asyncio.run(Source(int(sys.argv[1])).serve())
