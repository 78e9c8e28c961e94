"""What a completed scan found, whole, for the questions that a page cannot answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from ..model import Artifact, Page, ScanStatus
from ..snapshot import Snapshot
from ..storage import ScanFilter, Store

CACHED_ROWS = 50_000
"""Artifacts kept for the next question, of all scans together; of a completed scan they never change."""
_AT_ONCE = 2_000

Row = TypeVar("Row")


class Inventories:
    """The artifacts of completed scans, those asked for last at hand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cached: OrderedDict[str, tuple[Artifact, ...]] = OrderedDict()

    async def newest(self, repository_id: str) -> tuple[Snapshot | None, tuple[Artifact, ...]]:
        """The newest completed scan of a repository, as :meth:`newest_scan`, and its artifacts."""
        scan = await self.newest_scan(repository_id)
        return scan, () if scan is None else await self._of(scan.scan_id)

    async def newest_scan(self, repository_id: str) -> Snapshot | None:
        """The newest completed scan of a repository, ``None`` if there is none.

        Raises:
            UnknownRecord: no such repository.
        """
        await self._store.repository(repository_id)
        where = ScanFilter(repository_id=repository_id, status=frozenset({ScanStatus.COMPLETED}))
        rows = (await self._store.scans(where, limit=1)).rows
        return rows[0] if rows else None

    async def _of(self, scan_id: str) -> tuple[Artifact, ...]:
        if scan_id in self._cached:
            self._cached.move_to_end(scan_id)
            return self._cached[scan_id]
        rows = await all_rows(partial(self._store.artifacts, scan_id))
        self._cached[scan_id] = rows
        while sum(map(len, self._cached.values())) > CACHED_ROWS:
            self._cached.popitem(last=False)
        return rows


async def all_rows(read: Callable[..., Awaitable[Page[Row]]]) -> tuple[Row, ...]:
    """Every row of what ``read(page=, limit=)`` gives in pages."""
    rows: list[Row] = []
    page: Page[Row] = Page((), 0, _AT_ONCE, 1)
    while page.page * _AT_ONCE < page.total:
        page = await read(page=page.page + 1, limit=_AT_ONCE)
        rows += page.rows
    return tuple(rows)


def page_of(rows: Iterable[Row], wanted: Callable[[Row], bool], *, page: int, limit: int) -> Page[Row]:
    """One page of those that are wanted."""
    kept = [row for row in rows if wanted(row)]
    return Page(tuple(kept[(page - 1) * limit : page * limit]), page, limit, len(kept))
