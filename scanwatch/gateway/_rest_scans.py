"""REST of scans: read, list, history, results, cancel, retry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from .. import wire
from ..model import WAITING, Job, Page, ScanStatus
from ..snapshot import Snapshot, to_record
from ..storage import ScanFilter
from ._inventory import all_rows, page_of
from ._rest import SERVICES, Conflict, caller, page_answer, query, scan_id
from ._rest_filters import annotation_filter, artifact_filter, evidence_filter, finding_filter, statuses
from ._rest_operations import Operation
from ._rest_trigger import accepted, trigger

Row = TypeVar("Row")


def operations() -> tuple[Operation, ...]:
    """Every operation of scans."""
    paths = wire.paths
    return (
        Operation(
            method="GET",
            path=paths.scans,
            handler=list_scans,
            summary="Scans, filtered and paged, newest first; `repository` is an id or a part of the target.",
            query=wire.ScansQuery,
            answer=wire.PageOf[wire.ScanPayload],
        ),
        Operation(
            method="GET",
            path=paths.scan("{id}"),
            handler=get_scan,
            summary="One scan, with what the queue has of it.",
            answer=wire.ScanPayload,
        ),
        Operation(
            method="GET",
            path=paths.progress("{id}"),
            handler=get_progress,
            summary="How far a scan's job is.",
            answer=wire.JobReport,
        ),
        Operation(
            method="GET",
            path=paths.events("{id}"),
            handler=list_events,
            summary="The history behind the cursor `after`, as far as it is kept; `next` is the next cursor.",
            query=wire.EventsQuery,
            answer=wire.EventsPage,
        ),
        Operation(
            method="GET",
            path=paths.artifacts("{id}"),
            handler=list_artifacts,
            summary="What the scan found, filtered and paged, in the scanner's order.",
            query=wire.ArtifactsQuery,
            answer=wire.PageOf[wire.ArtifactPayload],
        ),
        Operation(
            method="GET",
            path=paths.findings("{id}"),
            handler=list_findings,
            summary="What the rules have to say of it, filtered and paged, in the scanner's order.",
            query=wire.FindingsQuery,
            answer=wire.PageOf[wire.FindingPayload],
        ),
        Operation(
            method="GET",
            path=paths.annotations("{id}"),
            handler=list_annotations,
            summary="The ids that tags in source files name, filtered and paged, in the scanner's order.",
            query=wire.AnnotationsQuery,
            answer=wire.PageOf[wire.AnnotationPayload],
        ),
        Operation(
            method="GET",
            path=paths.evidence("{id}"),
            handler=list_scan_evidence,
            summary="Evidence, with whose signature it has and whether it holds, filtered and paged.",
            query=wire.EvidenceQuery,
            answer=wire.PageOf[wire.ScanEvidencePayload],
        ),
        Operation(
            method="POST",
            path=paths.cancel("{id}"),
            handler=cancel_scan,
            summary="Asks a scan to stop, once, however often it is called; its end comes as an event.",
            status=HTTPStatus.ACCEPTED,
            answer=wire.Accepted,
        ),
        Operation(
            method="POST",
            path=paths.retry("{id}"),
            handler=retry_scan,
            summary="A new scan of the same target with the same options; 409 while the old one runs.",
            repeatable=True,
            status=HTTPStatus.ACCEPTED,
            answer=wire.Accepted,
            conflicts=True,
        ),
    )


async def list_scans(request: web.Request) -> web.Response:
    """``GET /scans``: filtered, paged, newest first."""
    asked = query(request, wire.ScansQuery)
    rows = await request.app[SERVICES].store.scans(_own(request, _filter(asked)), page=asked.page, limit=asked.limit)
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
    asked = query(request, wire.ArtifactsQuery)
    read = partial(request.app[SERVICES].store.artifacts, scan_id(request))
    filtered = asked.kind or asked.risk or asked.status or asked.tier or asked.parent_id is not None
    wanted = artifact_filter(asked) if filtered else None
    return page_answer(await _rows(read, wanted, asked), wire.encode_artifact)


async def list_findings(request: web.Request) -> web.Response:
    """``GET /scans/:id/findings``."""
    asked = query(request, wire.FindingsQuery)
    read = partial(request.app[SERVICES].store.findings, scan_id(request))
    filtered = asked.level or asked.rule or asked.artifact_id is not None
    return page_answer(await _rows(read, finding_filter(asked) if filtered else None, asked), wire.encode_finding)


async def list_annotations(request: web.Request) -> web.Response:
    """``GET /scans/:id/annotations``."""
    asked = query(request, wire.AnnotationsQuery)
    read = partial(request.app[SERVICES].store.annotations, scan_id(request))
    filtered = asked.artifact_id is not None or asked.file is not None or asked.resolved is not None
    wanted = annotation_filter(asked) if filtered else None
    return page_answer(await _rows(read, wanted, asked), wire.encode_annotation)


async def list_scan_evidence(request: web.Request) -> web.Response:
    """``GET /scans/:id/evidence``."""
    asked = query(request, wire.EvidenceQuery)
    read = partial(request.app[SERVICES].store.evidence, scan_id(request))
    wanted = evidence_filter(asked) if asked.signature or asked.spec_id is not None else None
    return page_answer(await _rows(read, wanted, asked), wire.encode_scan_evidence)


async def _rows(
    read: Callable[..., Awaitable[Page[Row]]], wanted: Callable[[Row], bool] | None, asked: wire.PageQuery
) -> Page[Row]:
    """The page that is asked for; the store pages, and nobody but us filters."""
    if wanted is None:
        return await read(page=asked.page, limit=asked.limit)
    return page_of(await all_rows(read), wanted, page=asked.page, limit=asked.limit)


async def cancel_scan(request: web.Request) -> web.Response:
    """``POST /scans/:id/cancel``: asks once, however often it is called; the end is told by the scan's events."""
    services, wanted = request.app[SERVICES], scan_id(request)
    await services.worker.cancel(wanted, caller().name)
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


def _own(request: web.Request, where: ScanFilter) -> ScanFilter:
    """``where``, for what the caller may see."""
    scope = caller().scope
    return where if scope is None else replace(where, repository_ids=request.app[SERVICES].access.scopes.covered(scope))


def _filter(asked: wire.ScansQuery) -> ScanFilter:
    repository = asked.repository
    by_id = repository is not None and wire.is_id(repository)
    return ScanFilter(
        status=statuses(asked.status),
        repository_id=repository.lower() if repository is not None and by_id else None,
        target=None if by_id else repository,
        requested_by=asked.requested_by,
        created_from=_moment(asked.created_from),
        created_before=_moment(asked.created_before),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else wire.from_time(text)
