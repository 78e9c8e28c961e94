"""New scans, who runs them, and what they found."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from ...errors import DuplicateRecord, StoreUnavailable
from ...model import Event, ScanOutcome, ScanRequest
from ...snapshot import new_snapshot
from .. import _rules
from .._records import decode_snapshot, encode
from ._appends import Appends
from ._feed import LENGTH
from ._keys import INVENTORY, Keys, score
from ._link import Link

UPLOAD_S = 3600
"""How long rows that were uploaded and never put in place stay: their worker was lost between the two."""
_ROWS_AT_ONCE = 500


class Scans:
    """The changes of scans that are not appends; made one after the other."""

    def __init__(self, link: Link, keys: Keys, appends: Appends) -> None:
        self._link = link
        self._keys = keys
        self._appends = appends

    async def create(self, request: ScanRequest, first: Event) -> tuple[Event, bytes]:
        """As in ``ScanStore.create_scan``, with the entry of the feed that tells of it."""
        _rules.check_first(request, first)
        event, snapshot = _rules.appended(new_snapshot(request), first)
        scan_id = request.scan_id
        keys = [self._keys.scan(scan_id), self._keys.events(scan_id), self._keys["repositories"]]
        place = (scan_id, request.repository_id, score(event.time), str(snapshot.status), request.target.casefold())
        bodies = (encode(request), encode(snapshot), encode(event))
        arguments = (self._keys.prefix, LENGTH, secrets.token_hex(8), *place, *bodies)
        answer = await self._twice("create_scan", arguments, keys + self._keys.indices(request))
        if answer == b"no repository":
            raise _rules.unknown_repository(request.repository_id)
        if answer == b"duplicate":
            raise DuplicateRecord(f"There is a scan {scan_id} already.")
        return event, answer

    async def begin_run(self, scan_id: str, run: int | None) -> int:
        """As in ``ScanStore.begin_run``; where none was given and the answer is lost, it is one higher than needed."""
        self._appends.forget(scan_id)
        verdict, *said = await self._twice("begin_run", ("" if run is None else run,), [self._keys.scan(scan_id)])
        if verdict == b"unknown":
            raise _rules.unknown_scan(scan_id)
        if verdict == b"ended":
            _rules.refuse_ended(decode_snapshot(said[0]))
        if verdict == b"late":
            return _rules.next_run(scan_id, current=int(said[0]), run=run)
        return int(said[0])

    async def save_outcome(self, scan_id: str, outcome: ScanOutcome, run: int) -> None:
        """As in ``ScanStore.save_outcome``."""
        rows = {part: [encode(record) for record in getattr(outcome, part)] for part in INVENTORY}
        while True:
            number, acting = await self._may_save(scan_id, run)
            upload = secrets.token_hex(8)
            for part, bodies in rows.items():
                await self._upload(self._keys.upload(upload, part), bodies)
            keys = [self._keys.scan(scan_id)]
            for part in INVENTORY:
                keys += (self._keys.upload(upload, part), self._keys.inventory(scan_id, part))
            if await self._link.run("save_outcome", number, acting, keys=keys):
                return

    async def _may_save(self, scan_id: str, run: int) -> tuple[int, int]:
        """The scan's number and run; raises if ``run`` may not save its outcome."""
        kept = await self._link.call("HMGET", self._keys.scan(scan_id), "number", "run", "snapshot")
        if kept[0] is None:
            raise _rules.unknown_scan(scan_id)
        acting = _rules.acting_run(scan_id, current=int(kept[1]), run=run)
        _rules.refuse_ended(decode_snapshot(kept[2]))
        return int(kept[0]), acting

    async def _upload(self, key: str, bodies: list[bytes]) -> None:
        for first in range(0, len(bodies), _ROWS_AT_ONCE):
            rows = bodies[first : first + _ROWS_AT_ONCE]
            await self._link.calls([("RPUSH", key, *rows), ("EXPIRE", key, UPLOAD_S)])

    async def _twice(self, script: str, arguments: tuple[Any, ...], keys: list[str]) -> Any:
        """The answer of a script that may be run again; once more where the connection was lost before it came."""
        try:
            return await self._link.run(script, *arguments, keys=keys)
        except StoreUnavailable:
            await asyncio.sleep(0.05)
            return await self._link.run(script, *arguments, keys=keys)
