"""How a scan is asked for over REST: once put on record, and found again when the same request comes once more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4, uuid5

from aiohttp import web

from .. import wire
from ..errors import DuplicateRecord, UnknownRecord, WireError
from ..jobs import submit
from ..model import ScanRequest, ScanStatus
from ..storage import Store
from ._rest import SERVICES, Conflict, LimitReached, Services, caller, note_made

_OF_A_KEY = UUID("6f1c1f3e-5d0b-4f0e-9c57-0f4b8f0c9a3d")
"""The name space of the ids of scans that were asked for with a key."""


async def trigger(
    request: web.Request, *, repository_id: str, target: str, options: Mapping[str, Any], retry_of: str | None = None
) -> web.Response:
    """Put a scan on record and into the queue, and answer.

    With a key, the scan's id follows from it: whoever lost the answer may ask again, of any gateway of the store.
    """
    services, key = request.app[SERVICES], _key(request)
    scan = ScanRequest(
        scan_id=str(uuid4()) if key is None else _id_of(key, repository_id),
        repository_id=repository_id,
        target=target,
        options=options,
        requested_by=caller().name,
        retry_of=retry_of,
    )
    if key is None:
        return await _accept(services, scan)
    async with services.keyed(scan.scan_id):
        if await _is_repeat(services.store, scan):
            return await _accepted_before(services.store, scan.scan_id)
        try:
            return await _accept(services, scan)
        except DuplicateRecord:  # another gateway of this store was asked at the same moment
            return await _accepted_before(services.store, scan.scan_id)


async def _accept(services: Services, scan: ScanRequest) -> web.Response:
    await services.access.targets.check_now(scan.target, scan.options)
    if not services.access.places.take(caller().identity, scan.scan_id):
        raise LimitReached("This token has as many unfinished scans as it may have; wait for one to end.")
    services.hub.introduce(scan)
    try:
        await submit(services.store, services.queue, scan, services.clock.now())
    except BaseException:
        services.hub.withdraw(scan.scan_id)
        services.access.places.give_back(scan.scan_id)
        raise
    note_made(scan.scan_id)
    return accepted(scan.scan_id, ScanStatus.QUEUED, "The scan is queued.")


async def _is_repeat(store: Store, scan: ScanRequest) -> bool:
    """Whether this scan is on record already; raises ``Conflict`` if what is there was asked for otherwise."""
    try:
        known = await store.request(scan.scan_id)
    except UnknownRecord:
        return False
    if (known.options, known.retry_of) != (scan.options, scan.retry_of):
        raise Conflict(f"That {wire.IDEMPOTENCY_KEY} was used for another scan of this repository; take a new one.")
    return True


async def _accepted_before(store: Store, scan_id: str) -> web.Response:
    note_made(scan_id)
    return accepted(scan_id, (await store.snapshot(scan_id)).status, "The scan was accepted before.")


def accepted(scan_id: str, status: ScanStatus, message: str) -> web.Response:
    """The answer to a request that takes effect later."""
    answer = wire.Accepted(scan_id=scan_id, job_id=scan_id, status=status, message=message)
    return web.json_response(wire.to_plain(answer), status=HTTPStatus.ACCEPTED)


def _key(request: web.Request) -> str | None:
    key = request.headers.get(wire.IDEMPOTENCY_KEY)
    if key is not None and not 1 <= len(key) <= wire.MAX_KEY:
        raise WireError(f"{wire.IDEMPOTENCY_KEY} must have 1 to {wire.MAX_KEY} characters")
    return key


def _id_of(key: str, repository_id: str) -> str:
    """The id of the scan that this caller asks for with ``key``: another caller's key is another scan's."""
    return str(uuid5(_OF_A_KEY, json.dumps([caller().identity, repository_id, key])))
