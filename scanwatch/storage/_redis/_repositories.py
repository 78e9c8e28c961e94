"""The repositories, each with its last scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import StoreUnavailable
from ...model import Repository
from .. import _rules
from .._records import decode_repository, decode_snapshot, encode
from ._feed import LENGTH
from ._keys import Keys, scan_of, score
from ._link import Link

_TRIES = 50


class Repositories:
    """The repositories of one store; changed by one task at a time."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def create(self, repository: Repository) -> Repository:
        """As in ``ScanStore.create_repository``."""
        kept = _rules.new_repository(repository)
        await self._put(kept, encode(kept))
        return kept

    async def one(self, repository_id: str) -> Repository:
        """As in ``ScanStore.repository``."""
        return (await self._with_last_scans([decode_repository(await self._body(repository_id))]))[0]

    async def all(self) -> list[Repository]:
        """As in ``ScanStore.repositories``."""
        order, bodies = await self._link.calls(
            [("ZRANGE", self._keys["repositories:order"], 0, -1, "REV"), ("HVALS", self._keys["repositories"])]
        )
        kept = {row.id: row for row in map(decode_repository, bodies)}
        return await self._with_last_scans([kept[name] for name in map(scan_of, order) if name in kept])

    async def update(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """As in ``ScanStore.update_repository``."""
        for _ in range(_TRIES):
            old = await self._body(repository_id)
            before = decode_repository(old)
            kept = _rules.changed_repository(before, changes)
            if await self._put(kept, encode(kept), old, before.target):
                return (await self._with_last_scans([kept]))[0]
        raise StoreUnavailable(f"Too many processes change repository {repository_id}. Try again.")

    async def delete(self, repository_id: str) -> bytes:
        """As in ``ScanStore.delete_repository``; gives the entry of the feed that tells of it."""
        answer = await self._link.run("delete_repository", self._keys.prefix, LENGTH, repository_id)
        if answer == b"unknown":
            raise _rules.unknown_repository(repository_id)
        return bytes(answer)

    async def _put(self, kept: Repository, body: bytes, *old: Any) -> bool:
        """Keep it; false if somebody else has changed it meanwhile."""
        place = (kept.id, kept.target, body, score(kept.created_at))
        answer = await self._link.run("put_repository", self._keys.prefix, LENGTH, *place, *old)
        if isinstance(answer, list):
            _rules.refuse_duplicate(kept, map(decode_repository, answer))
        return bool(answer == b"ok")

    async def _body(self, repository_id: str) -> bytes:
        body = await self._link.call("HGET", self._keys["repositories"], repository_id)
        if body is None:
            raise _rules.unknown_repository(repository_id)
        return bytes(body)

    async def _with_last_scans(self, repositories: Sequence[Repository]) -> list[Repository]:
        newest = await self._link.calls(
            [("ZRANGE", self._keys.by_repository(row.id), 0, 0, "REV") for row in repositories]
        )
        last = {row.id: scan_of(members[0]) for row, members in zip(repositories, newest, strict=True) if members}
        bodies = await self._link.calls([("HGET", self._keys.scan(scan_id), "snapshot") for scan_id in last.values()])
        snapshots = {name: decode_snapshot(body) for name, body in zip(last, bodies, strict=True) if body is not None}
        return [
            replace(
                row,
                last_scan_id=snapshots[row.id].scan_id,
                last_scan_at=snapshots[row.id].created_at,
                last_scan_status=snapshots[row.id].status,
            )
            if row.id in snapshots
            else row
            for row in repositories
        ]
