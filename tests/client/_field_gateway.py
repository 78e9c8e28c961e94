"""A gateway as they are in the field: the plain dialect over real sockets, with the quirks that were seen there."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import socketio
from aiohttp import web

STEPS = [
    (5, "queued"),
    (10, "Discovering files"),
    (20, "Detecting file changes"),
    (30, "Fetching 12 changed files"),
    (50, "Parsing artifacts"),
    (55, "Scanning source file annotations"),
    (60, "Validating artifacts"),
    (70, "Persisting to database"),
    (80, "Updating file checksums"),
    (85, "Building traceability graph"),
    (90, "Verifying evidence"),
    (95, "Completing scan"),
]
PAUSE_S = 0.01

Json = dict[str, Any]


class FieldGateway:
    """Says no hello, sends every event to everybody, has no queue unless ``jobs``.

    Args:
        events: whether it sends any at all.
        early: whether the first events leave before the answer that names the scan.
        failures: how many attempts fail before one completes; more than two: all do.
        jobs: whether the record tells of a queue's job.
        extra: arguments appended to every event.
        retry_s: seconds between attempts.
        too_many: how many triggers are refused as too many requests before one is accepted.
        prefix: the path it is served under.
    """

    def __init__(
        self,
        *,
        events: bool = True,
        early: bool = False,
        failures: int = 0,
        jobs: bool = True,
        extra: tuple[Any, ...] = (),
        retry_s: float = 0.1,
        too_many: int = 0,
        prefix: str = "",
    ) -> None:
        self.url = ""
        self.scans: dict[str, Json] = {}
        self.repositories: list[Json] = []
        self.requests: list[str] = []
        self._quirks = (events, early, failures, jobs)
        self._extra = extra
        self._retry_s = retry_s
        self._too_many = too_many
        self._prefix = prefix
        self._runs: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[])
        self._sio.on("connect", lambda *_args: None, namespace="/ws")
        self._thread = threading.Thread(target=self._serve_in_thread, name="field-gateway", daemon=True)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)
        assert self.url, "it did not start; its thread says why"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def send(self, name: str, *args: Any) -> None:
        """Send anything to everybody."""
        asyncio.run_coroutine_threadsafe(self._sio.emit(name, args, namespace="/ws"), self._loop).result(5)

    def _serve_in_thread(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        inner, app = web.Application(middlewares=[_plain_errors]), web.Application()
        self._sio.attach(app, socketio_path=f"{self._prefix}/socket.io".lstrip("/"))
        routes: list[tuple[str, str, Callable[[web.Request], Any]]] = [
            ("GET", "/health", self._health),
            ("GET", "/repositories", self._list_repositories),
            ("POST", "/repositories", self._add_repository),
            ("GET", "/repositories/{id}", self._get_repository),
            ("POST", "/repositories/{id}/scan", self._trigger),
            ("GET", "/repositories/{id}/scans", self._list_scans),
            ("GET", "/scans/{id}", self._get_scan),
        ]
        for method, path, handler in routes:
            inner.router.add_route(method, path, handler)
        app.add_subapp(f"{self._prefix}/api/v1", inner)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}{self._prefix}/"
        self._ready.set()
        await self._stop.wait()
        for run in self._runs:
            run.cancel()
        await self._sio.shutdown()
        await runner.cleanup()

    # -- records -------------------------------------------------------------------------------------------------

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "timestamp": _now(), "version": "1.0.0"})

    async def _list_repositories(self, _request: web.Request) -> web.Response:
        return web.json_response(self.repositories[::-1])

    async def _get_repository(self, request: web.Request) -> web.Response:
        return web.json_response(next(row for row in self.repositories if row["id"] == request.match_info["id"]))

    async def _add_repository(self, request: web.Request) -> web.Response:
        body = await request.json()
        unknown = set(body) - {"name", "gitUrl", "description", "autoScan", "scanIntervalMinutes"}
        if unknown:
            return _error(400, [f"property {name} should not exist" for name in sorted(unknown)])
        if any(row["gitUrl"] == body["gitUrl"] for row in self.repositories):
            return _error(500, "Internal server error")
        row = {"id": str(uuid.uuid4()), "createdAt": _now(), "updatedAt": _now(), **body}
        self.repositories.append(row)
        return web.json_response(row, status=201)

    async def _trigger(self, request: web.Request) -> web.Response:
        if await request.read():
            return _error(400, ["no body was expected"])
        if self._too_many:
            self._too_many -= 1
            return _error(429, "Too Many Requests")
        scan_id = str(uuid.uuid4())
        self.scans[scan_id] = {
            "id": scan_id,
            "repositoryId": request.match_info["id"],
            "status": "pending",
            "createdAt": _now(),
            "startedAt": None,
            "completedAt": None,
            "errorMessage": None,
            "artifactsCreated": 0,
            "jobProgress": None,
        }
        run = asyncio.create_task(self._run(scan_id))
        self._runs.add(run)
        if self._quirks[1]:
            await asyncio.sleep(3 * PAUSE_S)
        return web.json_response({"scanId": scan_id, "status": "queued", "message": "Scan queued"}, status=202)

    async def _list_scans(self, request: web.Request) -> web.Response:
        rows = [row for row in self.scans.values() if row["repositoryId"] == request.match_info["id"]][::-1]
        pagination = {
            "page": 1,
            "limit": 20,
            "total": len(rows),
            "totalPages": 1,
            "hasNext": False,
            "hasPrevious": False,
        }
        return web.json_response({"data": rows[:20], "pagination": pagination})

    async def _get_scan(self, request: web.Request) -> web.Response:
        self.requests.append(request.match_info["id"])
        row = self.scans.get(request.match_info["id"])
        return _error(404, "Scan not found") if row is None else web.json_response(row)

    # -- scans ---------------------------------------------------------------------------------------------------

    async def _run(self, scan_id: str) -> None:
        _, _, failures, _ = self._quirks
        for attempt in range(3):
            fails = attempt < failures
            await self._attempt(scan_id, fails)
            if not fails:
                return
            if attempt < 2:
                self._job(scan_id, "delayed")
                await asyncio.sleep(self._retry_s)

    async def _attempt(self, scan_id: str, fails: bool) -> None:
        row = self.scans[scan_id]
        row.update(status="in_progress", startedAt=_now())
        for percent, step in STEPS[:2] if fails else STEPS:
            self._job(scan_id, "active", percent)
            await self._emit(scan_id, "progress", {"progress": percent, "status": step, "message": step})
            await asyncio.sleep(PAUSE_S)
        if fails:
            row.update(status="failed", errorMessage="Server Error", completedAt=_now())
            self._job(scan_id, "failed")
            await self._emit(scan_id, "failed", {"error": "Server Error"})
        else:
            row.update(status="completed", completedAt=_now(), artifactsCreated=4)
            self._job(scan_id, "completed", 100)
            result = {"status": "completed", "artifactsCreated": 4, "durationMs": 120}
            await self._emit(scan_id, "complete", {"result": result})

    def _job(self, scan_id: str, state: str, percent: int = 0) -> None:
        if self._quirks[3]:
            self.scans[scan_id]["jobProgress"] = {"state": state, "progress": percent}

    async def _emit(self, scan_id: str, kind: str, payload: Json) -> None:
        if self._quirks[0]:
            said = {"scanId": scan_id, **payload, "timestamp": _now()}
            await self._sio.emit(f"scan:{scan_id}:{kind}", (said, *self._extra), namespace="/ws")


@web.middleware
async def _plain_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPNotFound:
        return _error(404, f"Cannot {request.method} {request.path}")
    return response


def _error(status: int, message: str | list[str]) -> web.Response:
    return web.json_response({"message": message, "statusCode": status}, status=status)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def field_gateway(**quirks: Any) -> Iterator[FieldGateway]:
    gateway = FieldGateway(**quirks)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()
