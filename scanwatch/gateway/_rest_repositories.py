"""REST of repositories: register, list, change, delete, and trigger a scan."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from .. import wire
from ..errors import WireError
from ..model import TERMINAL, Repository, ScanStatus
from ..storage import ScanFilter
from ._rest import (
    SERVICES,
    Conflict,
    Forbidden,
    Services,
    body,
    caller,
    note_made,
    page_answer,
    query,
    repository_id,
)
from ._rest_filters import statuses
from ._rest_operations import Operation
from ._rest_scans import encode_row
from ._rest_trigger import trigger

MAX_NAME = 200
MAX_DESCRIPTION = 5000
MIN_INTERVAL_MINUTES = 5
MAX_INTERVAL_MINUTES = 366 * 24 * 60
LIVE = frozenset(ScanStatus) - TERMINAL

_MODEL_NAMES = {"git_url": "target"}


def operations() -> tuple[Operation, ...]:
    """Every operation of repositories."""
    every, one = wire.paths.repositories, wire.paths.repository("{id}")
    return (
        Operation(
            method="GET",
            path=every,
            handler=list_repositories,
            summary="All repositories as a bare array, newest first.",
            answer=list[wire.RepositoryPayload],
        ),
        Operation(
            method="POST",
            path=every,
            handler=create_repository,
            summary="Register a repository; `autoScan` and `scanIntervalMinutes` are kept, and not acted on.",
            body=wire.NewRepository,
            status=HTTPStatus.CREATED,
            answer=wire.RepositoryPayload,
            conflicts=True,
        ),
        Operation(
            method="GET",
            path=one,
            handler=get_repository,
            summary="One repository, with its last scan.",
            answer=wire.RepositoryPayload,
        ),
        Operation(
            method="PATCH",
            path=one,
            handler=change_repository,
            summary="Change a repository; what is not named stays.",
            body=wire.RepositoryChanges,
            answer=wire.RepositoryPayload,
            conflicts=True,
        ),
        Operation(
            method="DELETE",
            path=one,
            handler=delete_repository,
            summary="Delete a repository with its scans; those that run are cancelled first.",
            status=HTTPStatus.NO_CONTENT,
        ),
        Operation(
            method="POST",
            path=wire.paths.trigger("{id}"),
            handler=trigger_scan,
            summary="Trigger a scan; answered as soon as it is on record.",
            repeatable=True,
            body=wire.NewScan,
            body_optional=True,
            status=HTTPStatus.ACCEPTED,
            answer=wire.Accepted,
        ),
        Operation(
            method="GET",
            path=wire.paths.repository_scans("{id}"),
            handler=list_repository_scans,
            summary="The scans of a repository, paged, newest first.",
            query=wire.RepositoryScansQuery,
            answer=wire.PageOf[wire.ScanPayload],
        ),
    )


async def list_repositories(request: web.Request) -> web.Response:
    """``GET /repositories``: a bare array, newest first."""
    rows = await request.app[SERVICES].store.repositories()
    rows = [row for row in rows if caller().sees(row.id, row.target)]
    return web.json_response([wire.encode_repository(row) for row in rows])


async def create_repository(request: web.Request) -> web.Response:
    """``POST /repositories``."""
    services = request.app[SERVICES]
    new = await body(request, wire.NewRepository, "repository")
    fields = msgspec.structs.asdict(new)
    _check_fields(fields)
    await _check_target(request, services, new.git_url)
    if services.access.scopes.repositories >= services.access.max_repositories:
        raise Conflict(f"This gateway keeps at most {services.access.max_repositories} repositories; delete one.")
    now = services.clock.now()
    repository = Repository(id=str(uuid4()), created_at=now, updated_at=now, **_for_model(fields))
    kept = await services.store.create_repository(repository)
    services.access.scopes.kept(kept)
    note_made(kept.id)
    return web.json_response(wire.encode_repository(kept), status=HTTPStatus.CREATED)


async def get_repository(request: web.Request) -> web.Response:
    """``GET /repositories/:id``."""
    repository = await request.app[SERVICES].store.repository(repository_id(request))
    return web.json_response(wire.encode_repository(repository))


async def change_repository(request: web.Request) -> web.Response:
    """``PATCH /repositories/:id``: what is not named stays."""
    services, wanted = request.app[SERVICES], repository_id(request)
    said = await body(request, wire.RepositoryChanges, "repository")
    fields = {name: value for name, value in msgspec.structs.asdict(said).items() if value is not msgspec.UNSET}
    _check_fields(fields)
    if "git_url" in fields:
        await _check_target(request, services, fields["git_url"])
    changes = _for_model(fields) | ({"updated_at": services.clock.now()} if fields else {})
    repository = await services.store.update_repository(wanted, changes)
    services.access.scopes.kept(repository)
    return web.json_response(wire.encode_repository(repository))


async def delete_repository(request: web.Request) -> web.Response:
    """``DELETE /repositories/:id``: its running scans are ended first, so that their watchers see an end."""
    services, wanted = request.app[SERVICES], repository_id(request)
    await services.store.repository(wanted)
    scans = await _end_scans(services, wanted, caller().name)
    await services.store.delete_repository(wanted)
    services.access.scopes.gone(wanted)
    for scan in scans:
        services.hub.forget(scan)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def trigger_scan(request: web.Request) -> web.Response:
    """``POST /repositories/:id/scan``: answered as soon as the scan is on record."""
    services, wanted = request.app[SERVICES], repository_id(request)
    new = await body(request, wire.NewScan, "scan", default=wire.NewScan())
    repository = await services.store.repository(wanted)
    return await trigger(request, repository_id=repository.id, target=repository.target, options=new.options)


async def list_repository_scans(request: web.Request) -> web.Response:
    """``GET /repositories/:id/scans``: paged, newest first."""
    services, wanted = request.app[SERVICES], repository_id(request)
    asked = query(request, wire.RepositoryScansQuery)
    await services.store.repository(wanted)
    rows = await services.store.scans(ScanFilter(statuses(asked.status), wanted), page=asked.page, limit=asked.limit)
    return page_answer(rows, encode_row)


async def _end_scans(services: Services, wanted: str, by: str | None) -> list[str]:
    """Cancel the repository's unfinished scans and wait until the worker has let go of them; returns their ids."""
    where = ScanFilter(repository_id=wanted, status=LIVE)
    ended: list[str] = []
    while rows := [row for row in (await services.store.scans(where, limit=100)).rows if row.scan_id not in ended]:
        scan_ids = [row.scan_id for row in rows]
        for scan_id in scan_ids:
            await services.worker.cancel(scan_id, by)
        await asyncio.gather(*map(services.worker.forget, scan_ids))
        ended += scan_ids
    return ended


def _for_model(fields: dict[str, Any]) -> dict[str, Any]:
    return {_MODEL_NAMES.get(name, name): value for name, value in fields.items()}


def _check_fields(fields: dict[str, Any]) -> None:
    """Refuse what has the right type and yet makes no sense."""
    name, interval = fields.get("name"), fields.get("scan_interval_minutes")
    if name is not None and not 0 < len(name.strip()) <= len(name) <= MAX_NAME:
        raise WireError(f"repository: name must have 1 to {MAX_NAME} characters")
    if len(fields.get("description") or "") > MAX_DESCRIPTION:
        raise WireError(f"repository: description must have at most {MAX_DESCRIPTION} characters")
    if interval is not None and not MIN_INTERVAL_MINUTES <= interval <= MAX_INTERVAL_MINUTES:
        allowed = f"{MIN_INTERVAL_MINUTES} to {MAX_INTERVAL_MINUTES}"
        raise WireError(f"repository: the scan interval must be {allowed} minutes")


async def _check_target(request: web.Request, services: Services, target: str) -> None:
    """Refuse a target nobody can scan here, or that is not the caller's; raises ``UsageError``, ``Forbidden``."""
    if not caller().sees(None, target):
        raise Forbidden("This token is for some repositories only, and that target is none of them.")
    await services.access.targets.check_now(target)
