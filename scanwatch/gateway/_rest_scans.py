"""REST of scans: read, list, history, results, cancel, retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from aiohttp import web

from .. import wire
from ..errors import WireError
from ..jobs import submit
from ..model import WAITING, Job, ScanRequest, ScanStatus
from ..snapshot import Snapshot, to_record
from ..storage import ScanFilter
from ._rest import SERVICES, Conflict, Handler, caller_name, page_answer, query, scan_id


def routes() -> dict[tuple[str, str], Handler]:
    """Every route of scans."""
    paths = wire.paths
    return {
        ("GET", paths.scans): list_scans,
        ("GET", paths.scan("{id}")): get_scan,
        ("GET", paths.progress("{id}")): get_progress,
        ("GET", paths.events("{id}")): list_events,
        ("GET", paths.artifacts("{id}")): list_artifacts,
        ("GET", paths.findings("{id}")): list_findings,
        ("POST", paths.cancel("{id}")): cancel_scan,
        ("POST", paths.retry("{id}")): retry_scan,
    }


async def list_scans(request: web.Request) -> web.Response:
    """``GET /scans``: filtered, paged, newest first."""
    page = query(request, wire.PageQuery)
    where = _filter(query(request, wire.ScansQuery))
    rows = await request.app[SERVICES].store.scans(where, page=page.page, limit=page.limit)
    return page_answer(rows, encode_row)


async def get_scan(request: web.Request) -> web.Response:
    """``GET /scans/:id``."""
    return web.json_response(encode_row(await request.app[SERVICES].store.snapshot(scan_id(request))))


async def get_progress(request: web.Request) -> web.Response:
    """``GET /scans/:id/progress``."""
    snapshot = await request.app[SERVICES].store.snapshot(scan_id(request))
    job = job_of(snapshot)
    report = wire.JobReport(
        scan_id=snapshot.scan_id,
        job_id=snapshot.scan_id,
        progress=job.progress_percent or 0,
        state=job.state,
        message=snapshot.message,
    )
    return web.json_response(wire.to_plain(report))


async def list_events(request: web.Request) -> web.Response:
    """``GET /scans/:id/events``: the history behind a cursor."""
    store, wanted = request.app[SERVICES].store, scan_id(request)
    asked = query(request, wire.EventsQuery)
    last = (await store.snapshot(wanted)).seq
    events = await store.events(wanted, after=asked.after, limit=asked.limit)
    reached = events[-1].seq if events else None
    return web.json_response(
        wire.encode_events_page(events, reached if reached is not None and reached < last else None)
    )


async def list_artifacts(request: web.Request) -> web.Response:
    """``GET /scans/:id/artifacts``."""
    page = query(request, wire.PageQuery)
    rows = await request.app[SERVICES].store.artifacts(scan_id(request), page=page.page, limit=page.limit)
    return page_answer(rows, wire.encode_artifact)


async def list_findings(request: web.Request) -> web.Response:
    """``GET /scans/:id/findings``."""
    page = query(request, wire.PageQuery)
    rows = await request.app[SERVICES].store.findings(scan_id(request), page=page.page, limit=page.limit)
    return page_answer(rows, wire.encode_finding)


async def cancel_scan(request: web.Request) -> web.Response:
    """``POST /scans/:id/cancel``: asks once, however often it is called; the end is told by the scan's events."""
    services, wanted = request.app[SERVICES], scan_id(request)
    await services.worker.cancel(wanted, caller_name(request))
    status = (await services.store.snapshot(wanted)).status
    return accepted(wanted, status, f"The scan is {status.replace('_', ' ')}.")


async def retry_scan(request: web.Request) -> web.Response:
    """``POST /scans/:id/retry``: a new scan of the same target with the same options."""
    store, wanted = request.app[SERVICES].store, scan_id(request)
    old = await store.request(wanted)
    if not (await store.snapshot(wanted)).terminal:
        raise Conflict(f"Scan {wanted} has not ended; cancel it first, or wait for its end.")
    return await trigger(
        request, repository_id=old.repository_id, target=old.target, options=old.options, retry_of=wanted
    )


async def trigger(
    request: web.Request, *, repository_id: str, target: str, options: Mapping[str, Any], retry_of: str | None = None
) -> web.Response:
    """Put a scan on record and into the queue, and answer."""
    scan = ScanRequest(
        scan_id=str(uuid4()),
        repository_id=repository_id,
        target=target,
        options=options,
        requested_by=caller_name(request),
        retry_of=retry_of,
    )
    services = request.app[SERVICES]
    await submit(services.store, services.queue, scan, services.clock.now())
    return accepted(scan.scan_id, ScanStatus.QUEUED, "The scan is queued.")


def accepted(scan_id: str, status: ScanStatus, message: str) -> web.Response:
    """The answer to a request that takes effect later."""
    answer = wire.Accepted(scan_id=scan_id, job_id=scan_id, status=status, message=message)
    return web.json_response(wire.to_plain(answer), status=HTTPStatus.ACCEPTED)


def encode_row(snapshot: Snapshot) -> dict[str, Any]:
    """A scan as every list and read answers it."""
    return wire.encode_scan(replace(to_record(snapshot), job=job_of(snapshot)))


def job_of(snapshot: Snapshot) -> Job:
    """What the queue has of a scan: it follows from the scan's own events."""
    return Job(_job_state(snapshot), snapshot.progress_percent)


def _job_state(snapshot: Snapshot) -> str:
    if snapshot.terminal:
        return "completed" if snapshot.status is ScanStatus.COMPLETED else "failed"
    if snapshot.status in WAITING:
        return "waiting"
    # Nothing has come after the failure of an attempt: the next one waits for its time.
    delayed = snapshot.failures and snapshot.failures[-1].time == snapshot.updated_at
    return "delayed" if delayed else "active"


def _filter(asked: wire.ScansQuery) -> ScanFilter:
    repository = asked.repository
    by_id = repository is not None and wire.is_id(repository)
    return ScanFilter(
        status=frozenset(_status(word) for word in asked.status) or None,
        repository_id=repository.lower() if repository is not None and by_id else None,
        target=None if by_id else repository,
        requested_by=asked.requested_by,
        created_from=_moment(asked.created_from),
        created_before=_moment(asked.created_before),
    )


def _status(word: str) -> ScanStatus:
    try:
        return ScanStatus(word)
    except ValueError:
        raise WireError(f"query: status {word[:40]!r} is none of {', '.join(ScanStatus)}") from None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else wire.from_time(text)
