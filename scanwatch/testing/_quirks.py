"""Scans that take the course a test wants, with the quirks that were met in the field."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from .. import wire
from ..errors import WireError
from ..model import Event, EventKind, Job, Repository, ScanRecord, ScanResult, ScanStatus
from ._script import API, Answer, Stage, no_route, refusal

FIELD_STEPS = (
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
)
"""Percents and words of a scan in the field."""

FAILS_AFTER = 2
"""Steps of an attempt that fails."""

PAGE_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How a scripted gateway's scans go; without any, they complete at the first attempt.

    Args:
        steps: percents and words, in order.
        pause_s: seconds between steps.
        failures: how many attempts fail before one completes; as many as ``attempts``: all.
        attempts: how many there are at most.
        errors: the error of each failing attempt; the last stands for those after it. A later one may mask the cause.
        retry_s: seconds between attempts.
        jobs: whether a record tells of its queue's job.
        events: whether any event is sent.
        silent_after: events of a scan after which no more are sent, though it goes on.
        late_s: seconds by which events come late.
        doubled: whether every event is sent twice.
        disordered: whether every second event overtakes the one before it.
        early: whether the first events leave before the answer that names their scan.
        stuck_at: the number of steps after which the scan stays as it is, for ever.
        extra: arguments appended to every event.
        busy: how many triggers are refused as too many requests before one is accepted.
    """

    steps: Sequence[tuple[int, str]] = FIELD_STEPS
    pause_s: float = 0.01
    failures: int = 0
    attempts: int = 3
    errors: Sequence[str] = ("Server Error",)
    retry_s: float = 0.1
    jobs: bool = True
    events: bool = True
    silent_after: int | None = None
    late_s: float = 0.0
    doubled: bool = False
    disordered: bool = False
    early: bool = False
    stuck_at: int | None = None
    extra: tuple[Any, ...] = ()
    busy: int = 0


class QuirkyScript:
    """Answers as a gateway in the field and runs each triggered scan as its quirks say."""

    hello: Any = None

    def __init__(self, quirks: Quirks) -> None:
        self._scans: dict[str, ScanRecord] = {}
        self._quirks = quirks
        self._busy = quirks.busy
        self._repositories: dict[str, Repository] = {}
        self._lists: dict[str, Answer] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._sent: dict[str, int] = {}
        self._held: dict[str, Event] = {}
        self._stage: Stage | None = None

    @property
    def scan_ids(self) -> list[str]:
        return list(self._scans)

    @property
    def targets(self) -> list[str]:
        return [row.target for row in self._repositories.values()]

    def begin(self, stage: Stage) -> None:
        self._stage = stage

    def joined(self) -> None:
        pass

    async def end(self) -> None:
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)

    def forget(self, scan_id: str) -> None:
        self._scans.pop(scan_id, None)

    async def subscribe(self, request: Any) -> Any:
        return None

    # -- requests --------------------------------------------------------------------------------------------------

    async def answer(self, method: str, path: str, body: Any) -> Answer:
        url = urlsplit(path)
        if not url.path.startswith(f"{API}/"):
            return no_route(method, path)
        match method, url.path.removeprefix(f"{API}/").split("/"):
            case "GET", ["health"]:
                health = wire.HealthPayload(status="ok", timestamp=wire.to_time(_now()), version="1.0.0")
                return 200, wire.to_plain(health)
            case "GET", ["repositories"]:
                rows = [wire.encode_repository(row) for row in reversed(self._repositories.values())]
                return 200, rows
            case "POST", ["repositories"]:
                return self._register(body)
            case "GET", ["repositories", repository_id] if repository_id in self._repositories:
                return 200, wire.encode_repository(self._repositories[repository_id])
            case "POST", ["repositories", repository_id, "scan"] if repository_id in self._repositories:
                return await self._trigger(repository_id, body)
            case "GET", ["repositories", repository_id, "scans"]:
                return self._list(repository_id, path, url.query)
            case "GET", ["scans", scan_id]:
                return self._read(scan_id)
        return no_route(method, path)

    def _register(self, body: Any) -> Answer:
        try:
            wanted = wire.decode_as(wire.NewRepository, body, "repository")
        except WireError as error:
            return refusal(400, [str(error)])
        unknown = set(body) - set(wire.to_plain(wanted))
        if unknown:
            return refusal(400, [f"property {name} should not exist" for name in sorted(unknown)])
        if any(row.target == wanted.git_url for row in self._repositories.values()):
            return refusal(500, "Internal server error")
        row = Repository(str(uuid.uuid4()), wanted.name, wanted.git_url, _now(), _now(), wanted.description)
        self._repositories[row.id] = row
        return 201, wire.encode_repository(row)

    async def _trigger(self, repository_id: str, body: Any) -> Answer:
        if body is not None:
            return refusal(400, ["no body was expected"])
        if self._busy:
            self._busy -= 1
            return refusal(429, "Too Many Requests")
        scan_id = str(uuid.uuid4())
        self._scans[scan_id] = ScanRecord(scan_id, repository_id, ScanStatus.PENDING, _now())
        self._spawn(self._run(scan_id))
        if self._quirks.early:
            await asyncio.sleep(3 * self._quirks.pause_s)
        return 202, wire.to_plain(wire.Accepted(scan_id=scan_id, status="queued", message="Scan queued"))

    def _list(self, repository_id: str, path: str, query: str) -> Answer:
        """A page of scans. Lists are cached by their whole URL, and a scan's end clears the one without a query."""
        if any(not part.startswith(("page=", "limit=")) for part in query.split("&") if part):
            return refusal(400, [f"property {query.partition('=')[0]} should not exist"])
        if path not in self._lists:
            rows = [row for row in self._scans.values() if row.repository_id == repository_id][::-1]
            page = [wire.encode_field_scan(row) for row in rows[:PAGE_ROWS]]
            self._lists[path] = 200, wire.encode_page(page, 1, PAGE_ROWS, len(rows))
        return self._lists[path]

    def _read(self, scan_id: str) -> Answer:
        if not wire.is_id(scan_id):
            return refusal(500, "Internal server error")
        row = self._scans.get(scan_id)
        return refusal(404, "Scan not found") if row is None else (200, wire.encode_field_scan(row))

    # -- scans -----------------------------------------------------------------------------------------------------

    def _spawn(self, work: Any) -> None:
        run = asyncio.create_task(work)
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self, scan_id: str) -> None:
        quirks = self._quirks
        for attempt in range(quirks.attempts):
            error = None
            if attempt < quirks.failures:
                error = quirks.errors[min(attempt, len(quirks.errors) - 1)]
            await self._attempt(scan_id, error)
            if error is None:
                return
            if attempt < quirks.attempts - 1:
                self._change(scan_id, job="delayed")
                await asyncio.sleep(quirks.retry_s)

    async def _attempt(self, scan_id: str, error: str | None) -> None:
        """One attempt. The row keeps what the attempt before left in it, as rows in the field do."""
        self._change(scan_id, status=ScanStatus.IN_PROGRESS, started_at=_now())
        for number, (percent, step) in enumerate(self._quirks.steps[: FAILS_AFTER if error else None]):
            if number == self._quirks.stuck_at:
                await asyncio.Event().wait()
            self._change(scan_id, job="active", percent=percent)
            await self._say(
                Event(scan_id, EventKind.PROGRESS, _now(), step=step, progress_percent=percent, message=step)
            )
            await asyncio.sleep(self._quirks.pause_s)
        if error is not None:
            self._change(scan_id, job="failed", status=ScanStatus.FAILED, error=error, finished_at=_now())
            await self._say(Event(scan_id, EventKind.FAILED, _now(), error=error))
        else:
            self._change(
                scan_id, job="completed", percent=100, status=ScanStatus.COMPLETED, artifacts=4, finished_at=_now()
            )
            result = ScanResult(scan_id, duration_s=0.12, artifacts=4)
            await self._say(Event(scan_id, EventKind.COMPLETE, _now(), result=result))
        await self._flush(scan_id)

    def _change(self, scan_id: str, *, job: str | None = None, percent: int = 0, **fields: Any) -> None:
        if scan_id not in self._scans:
            return
        if job is not None and self._quirks.jobs:
            fields["job"] = Job(job, percent)
        row = self._scans[scan_id] = replace(self._scans[scan_id], **fields)
        if row.finished_at is not None:
            self._lists.pop(f"{API}/repositories/{row.repository_id}/scans", None)

    # -- events ----------------------------------------------------------------------------------------------------

    async def _say(self, event: Event) -> None:
        quirks = self._quirks
        sent = self._sent[event.scan_id] = self._sent.get(event.scan_id, 0) + 1
        if not quirks.events or (quirks.silent_after is not None and sent > quirks.silent_after):
            return
        if quirks.disordered and sent % 2 and not event.terminal:
            self._held[event.scan_id] = event
            return
        await self._send(event)
        await self._flush(event.scan_id)

    async def _flush(self, scan_id: str) -> None:
        """Send what was overtaken."""
        if (held := self._held.pop(scan_id, None)) is not None:
            await self._send(held)

    async def _send(self, event: Event) -> None:
        if self._quirks.late_s:
            self._spawn(self._send_late(event))
        else:
            await self._emit(event)

    async def _send_late(self, event: Event) -> None:
        await asyncio.sleep(self._quirks.late_s)
        await self._emit(event)

    async def _emit(self, event: Event) -> None:
        assert self._stage is not None
        name, payload = wire.encode_event(event)
        for _ in range(2 if self._quirks.doubled else 1):
            await self._stage.emit(name, payload, *self._quirks.extra)


def _now() -> datetime:
    return datetime.now(UTC)
