"""Reads that are answered while a shared store is not: from what the gateway has heard and read of it last.

Only reads, and only those of scans and repositories: what would change something is refused until the store is back.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from ..errors import StoreUnavailable
from ..model import Page, Repository, ScanRequest
from ..snapshot import Snapshot
from ..storage import ScanFilter, Store, matches
from ._hub import Hub

REMEMBERED = 5_000
"""So many scans that were read are remembered; each takes one or two kilobytes."""
READ_AT_START = 200

Value = TypeVar("Value")

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class _Last(Generic[Value]):
    """The values used last, by id."""

    def __init__(self) -> None:
        self.values: OrderedDict[str, Value] = OrderedDict()

    def put(self, name: str, value: Value) -> Value:
        self.values[name] = value
        self.values.move_to_end(name)
        while len(self.values) > REMEMBERED:
            self.values.popitem(last=False)
        return value


class Remembered:
    """A store, and what is remembered of it; what is not answered here is the store's own."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._snapshots: _Last[Snapshot] = _Last()
        self._requests: _Last[ScanRequest] = _Last()
        self._repositories: dict[str, Repository] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self) -> None:
        """Read what people look at first."""
        await self.repositories()
        await self.scans(ScanFilter(), limit=READ_AT_START)

    async def snapshot(self, scan_id: str) -> Snapshot:
        """As in ``EventLog.snapshot``."""
        try:
            return self._snapshots.put(scan_id, await self._store.snapshot(scan_id))
        except StoreUnavailable:
            known = self._hub.picture(scan_id) or self._snapshots.values.get(scan_id)
            if known is None:
                raise
            return known

    async def request(self, scan_id: str) -> ScanRequest:
        """As in ``ScanStore.request``."""
        try:
            return self._requests.put(scan_id, await self._store.request(scan_id))
        except StoreUnavailable:
            if scan_id not in self._requests.values:
                raise
            return self._requests.values[scan_id]

    async def scans(self, where: ScanFilter, *, page: int = 1, limit: int = 20) -> Page[Snapshot]:
        """As in ``ScanStore.scans``."""
        try:
            found = await self._store.scans(where, page=page, limit=limit)
        except StoreUnavailable:
            return self._known_scans(where, page, limit)
        for row in found.rows:
            self._snapshots.put(row.scan_id, row)
        return found

    async def repository(self, repository_id: str) -> Repository:
        """As in ``ScanStore.repository``."""
        try:
            self._repositories[repository_id] = await self._store.repository(repository_id)
        except StoreUnavailable:
            if repository_id not in self._repositories:
                raise
        return self._repositories[repository_id]

    async def repositories(self) -> list[Repository]:
        """As in ``ScanStore.repositories``."""
        try:
            rows = await self._store.repositories()
        except StoreUnavailable:
            return list(self._repositories.values())
        self._repositories = {row.id: row for row in rows}
        return rows

    def _known_scans(self, where: ScanFilter, page: int, limit: int) -> Page[Snapshot]:
        known = self._snapshots.values | {picture.scan_id: picture for picture in self._hub.pictures}
        rows = [one for one in known.values() if one.created_at is not None and matches(where, one)]
        rows.sort(key=lambda one: one.created_at or _BEFORE_ALL, reverse=True)
        first = (page - 1) * limit
        return Page(tuple(rows[first : first + limit]), page, limit, len(rows))

    def as_store(self) -> Store:
        """The whole, as those see it who ask a store."""
        return cast(Store, self)
