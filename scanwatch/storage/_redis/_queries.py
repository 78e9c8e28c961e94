"""The lists of scans: which index answers a filter, and the page of it.

Every index is a sorted set of scans by the time they were created, and a scan is in one index of each kind: one
status, one repository, one target. So a criterion names some indices without a scan in common, and its answer is theirs
merged. Of several criteria the narrowest is asked, and the others are asked of the scans it names.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import islice

from ...model import TERMINAL, Page, ScanStatus
from ...snapshot import Snapshot
from .. import _rules
from .._base import ScanFilter
from .._records import decode_snapshot
from ._keys import Keys, scan_of, score
from ._link import Link

_AT_ONCE = 500

Member = tuple[float, bytes]


class Queries:
    """Questions about the scans of one store."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def scans(self, where: ScanFilter, page: int, limit: int) -> Page[Snapshot]:
        """As in ``ScanStore.scans``."""
        criteria = await self._criteria(where)
        sizes = [await self._count(indices, where) for indices in criteria]
        narrowest = min(range(len(criteria)), key=sizes.__getitem__)
        indices, total = criteria[narrowest], sizes[narrowest]
        first = (page - 1) * limit
        if len(criteria) == 1:
            if len(indices) == 1:
                names = await self._ranked(indices[0], where, first, min(limit, total - first))
            else:
                merged = await self._newest(indices, where, first + limit)
                names = [scan_of(member) for _, member in islice(merged, first, first + limit)]
            return Page(tuple(await self.snapshots(names)), page, limit, total)
        rows, matching = await self._matching(await self._newest(indices, where, total), where, first, limit)
        return Page(tuple(rows), page, limit, matching)

    async def unfinished(self) -> list[str]:
        """As in ``ScanStore.unfinished``."""
        indices = [self._keys.by_status(status) for status in ScanStatus if status not in TERMINAL]
        everything = ScanFilter()
        members = await self._newest(indices, everything, await self._count(indices, everything))
        return [scan_of(member) for _, member in reversed(members)]

    async def snapshots(self, scan_ids: Sequence[str]) -> list[Snapshot]:
        """The snapshots of these scans, in this order; without those that were deleted meanwhile."""
        bodies = await self._link.calls([("HGET", self._keys.scan(scan_id), "snapshot") for scan_id in scan_ids])
        return [decode_snapshot(body) for body in bodies if body is not None]

    async def _criteria(self, where: ScanFilter) -> list[list[str]]:
        """For each criterion of the filter the indices that hold the scans it wants; all scans if there is none."""
        criteria: list[list[str]] = []
        if where.status is not None:
            criteria.append([self._keys.by_status(status) for status in where.status])
        if where.repository_id is not None:
            criteria.append([self._keys.by_repository(where.repository_id)])
        if where.repository_ids is not None:
            kept = {name.decode() for name in await self._link.call("HKEYS", self._keys["repositories"])}
            criteria.append([self._keys.by_repository(one) for one in where.repository_ids & kept])
        if where.target is not None:
            wanted = where.target.casefold()
            targets = [name.decode() for name in await self._link.call("SMEMBERS", self._keys["targets"])]
            criteria.append([self._keys.by_target(target) for target in targets if wanted in target])
        if where.requested_by is not None:
            criteria.append([self._keys.by_person(where.requested_by)])
        return criteria or [[self._keys["scans"]]]

    async def _count(self, indices: Sequence[str], where: ScanFilter) -> int:
        low, high = _bounds(where)
        return sum(await self._link.calls([("ZCOUNT", index, low, high) for index in indices]))

    async def _ranked(self, index: str, where: ScanFilter, first: int, limit: int) -> list[str]:
        """Some scans of one index, the newest first: found by rank, so that any page costs what the first does."""
        if limit <= 0:
            return []
        before = where.created_before
        newer = 0 if before is None else await self._link.call("ZCOUNT", index, score(before), "+inf")
        members = await self._link.call("ZRANGE", index, newer + first, newer + first + limit - 1, "REV")
        return [scan_of(member) for member in members]

    async def _newest(self, indices: Sequence[str], where: ScanFilter, limit: int) -> list[Member]:
        """The newest members of some indices, as many as are wanted."""
        low, high = _bounds(where)
        found = await self._link.calls(
            [
                ("ZRANGE", index, high, low, "BYSCORE", "REV", "LIMIT", 0, limit, "WITHSCORES")
                for index in (indices if limit else ())
            ]
        )
        parts = [_members(answer) for answer in found]
        return list(islice(heapq.merge(*parts, reverse=True), limit))

    async def _matching(
        self, members: Sequence[Member], where: ScanFilter, first: int, limit: int
    ) -> tuple[list[Snapshot], int]:
        """Some of the scans that match, and how many match."""
        rows: list[Snapshot] = []
        matching = 0
        for start in range(0, len(members), _AT_ONCE):
            names = [scan_of(member) for _, member in members[start : start + _AT_ONCE]]
            for snapshot in await self.snapshots(names):
                if _rules.matches(where, snapshot):
                    if first <= matching < first + limit:
                        rows.append(snapshot)
                    matching += 1
        return rows, matching


def _bounds(where: ScanFilter) -> tuple[str, str]:
    low = "-inf" if where.created_from is None else score(where.created_from)
    high = "+inf" if where.created_before is None else f"({score(where.created_before)}"
    return low, high


def _members(answer: Sequence[object]) -> list[Member]:
    """Members with their scores, whichever way the client gives them."""
    if answer and isinstance(answer[0], tuple | list):
        return [(float(number), bytes(member)) for member, number in answer]  # type: ignore[misc,has-type]
    pairs = zip(answer[::2], answer[1::2], strict=True)
    return [(float(number), bytes(member)) for member, number in pairs]  # type: ignore[arg-type,call-overload]
