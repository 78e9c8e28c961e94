"""The store in Redis: streams of events, hashes of what they amount to, and one feed that tells every process.

Each append is one step of a script (``lua/append.lua``): the stream of the scan, the feed, and the scan's hash with
its snapshot change together or not at all. Everything heard comes from the feed, own events as well, so that every
process hears the same in the same order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ...errors import StoreError
from ...model import (
    Annotation,
    ApiKey,
    Artifact,
    AuditEntry,
    Event,
    Evidence,
    Finding,
    Page,
    Repository,
    ScanOutcome,
    ScanRequest,
)
from ...snapshot import Snapshot
from .. import _rules
from .._base import Change, ChangeListener, Listener, ScanFilter
from .._listeners import Listeners
from .._records import (
    decode_annotation,
    decode_artifact,
    decode_event,
    decode_evidence,
    decode_finding,
    decode_request,
    decode_snapshot,
)
from ._access import Access
from ._address import RedisAddress
from ._appends import Appends
from ._changes import Changes
from ._feed import Feed
from ._keys import Keys, score
from ._link import Link
from ._preflight import make_ready
from ._queries import Queries
from ._repositories import Repositories
from ._scans import Scans

Row = TypeVar("Row")
Answer = TypeVar("Answer")

HEARD_S = 1.0
"""How long a call waits for its own event to come back through the feed, which tells the listeners of it; longer only
where the feed cannot be read, and then they hear of it when it can."""

PROBE_S = 60
"""How long what a check writes stays."""


@dataclass(frozen=True, slots=True)
class _Open:
    """What an open store holds."""

    link: Link
    changes: Changes
    feed: Feed
    scans: Scans
    repositories: Repositories
    access: Access
    queries: Queries


class RedisStore:
    """A store in the Redis at ``address``, shared by every process that names the same one and the same prefix.

    What an append returned for is as durable as that Redis is configured to be: with ``appendfsync everysec`` a crash
    of its machine may take the last second.

    Args:
        patience_s: how long an append is tried again while Redis cannot be reached, before it is refused.
    """

    def __init__(self, address: RedisAddress, *, patience_s: float = 1.0) -> None:
        self.address = address
        self._patience_s = patience_s
        self._keys = Keys(address.prefix)
        self._listeners: Listeners[Sequence[Event]] = Listeners()
        self._change_listeners: Listeners[Change] = Listeners()
        self._open: _Open | None = None

    async def open(self) -> None:
        """As in ``Store.open``."""
        if self._open is not None:
            raise StoreError(f"The store {self.address.shown} is open already.")
        link, keys = Link(self.address), self._keys
        try:
            await make_ready(link, keys)
            feed = Feed(link, keys, tell=self._listeners.publish, tell_change=self._change_listeners.publish)
            await feed.place()
        except BaseException:
            await link.close()
            raise
        link.answers.worked = True
        appends = Appends(link, keys, patience_s=self._patience_s)
        changes = Changes(appends)
        changes.start()
        scans, repositories = Scans(link, keys, appends), Repositories(link, keys)
        if self._listeners or self._change_listeners:
            feed.begin()
        self._open = _Open(link, changes, feed, scans, repositories, Access(link, keys), Queries(link, keys))

    async def close(self) -> None:
        """As in ``Store.close``."""
        held, self._open = self._open, None
        if held is not None:
            await held.changes.finish()
            await held.feed.stop()
            await held.link.close()

    async def check(self) -> None:
        """As in ``Store.check``: it takes a write."""
        await self._held.link.call("SET", self._keys["probe"], 1, "EX", PROBE_S)

    async def append(self, event: Event, *, run: int = 0, key: str | None = None) -> Event:
        """As in ``EventLog.append``."""
        held = self._held
        appended = await held.changes.append(event, run, key)
        if appended.entry is not None:
            await held.feed.passed(appended.entry, HEARD_S)
        return appended.event

    async def events(self, scan_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """As in ``EventLog.events``."""
        _rules.check_range(after, limit)
        held = self._held
        if limit == 0:
            return []
        entries = await held.link.call("XRANGE", self._keys.events(scan_id), after + 1, "+", "COUNT", limit)
        return [decode_event(fields[b"event"]) for _, fields in entries]

    async def snapshot(self, scan_id: str) -> Snapshot:
        """As in ``EventLog.snapshot``."""
        return decode_snapshot(await self._of_scan(scan_id, "snapshot"))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """As in ``EventLog.listen``; a listener stays through closing and opening.

        The first one may also hear what other processes have appended since the store was opened.
        """
        if self._open is not None:
            self._open.feed.begin()
        return self._listeners.add(listener)

    def listen_to_changes(self, listener: ChangeListener) -> Callable[[], None]:
        """As in ``EventLog.listen_to_changes``; a listener stays through closing and opening."""
        if self._open is not None:
            self._open.feed.begin()
        return self._change_listeners.add(listener)

    async def create_repository(self, repository: Repository) -> Repository:
        """As in ``ScanStore.create_repository``."""
        return await self._make(lambda held: held.repositories.create(repository))

    async def repository(self, repository_id: str) -> Repository:
        """As in ``ScanStore.repository``."""
        return await self._held.repositories.one(repository_id)

    async def repositories(self) -> list[Repository]:
        """As in ``ScanStore.repositories``."""
        return await self._held.repositories.all()

    async def update_repository(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """As in ``ScanStore.update_repository``."""
        changes = dict(changes)
        return await self._make(lambda held: held.repositories.update(repository_id, changes))

    async def delete_repository(self, repository_id: str) -> None:
        """As in ``ScanStore.delete_repository``."""
        entry = await self._make(lambda held: held.repositories.delete(repository_id))
        await self._held.feed.passed(entry, HEARD_S)

    async def create_scan(self, request: ScanRequest, first: Event) -> Event:
        """As in ``ScanStore.create_scan``."""
        event, entry = await self._make(lambda held: held.scans.create(request, first))
        await self._held.feed.passed(entry, HEARD_S)
        return event

    async def request(self, scan_id: str) -> ScanRequest:
        """As in ``ScanStore.request``."""
        return decode_request(await self._of_scan(scan_id, "request"))

    async def scans(self, where: ScanFilter, *, page: int = 1, limit: int = 20) -> Page[Snapshot]:
        """As in ``ScanStore.scans``."""
        _rules.check_page(page, limit)
        return await self._held.queries.scans(where, page, limit)

    async def unfinished(self) -> list[str]:
        """As in ``ScanStore.unfinished``."""
        return await self._held.queries.unfinished()

    async def begin_run(self, scan_id: str, run: int | None = None) -> int:
        """As in ``ScanStore.begin_run``."""
        return await self._make(lambda held: held.scans.begin_run(scan_id, run))

    async def save_outcome(self, scan_id: str, outcome: ScanOutcome, *, run: int) -> None:
        """As in ``ScanStore.save_outcome``."""
        await self._make(lambda held: held.scans.save_outcome(scan_id, outcome, run))

    async def prune_events(self, ended_before: datetime, *, limit: int = 1000) -> int:
        """As in ``ScanStore.prune_events``."""
        return int(await self._held.link.run("prune_events", self._keys.prefix, score(ended_before), limit))

    async def prune_scans(self, ended_before: datetime, *, limit: int = 20) -> int:
        """As in ``ScanStore.prune_scans``."""
        return int(await self._held.link.run("prune_scans", self._keys.prefix, score(ended_before), limit))

    async def artifacts(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Artifact]:
        """As in ``ScanStore.artifacts``."""
        return await self._inventory("artifacts", decode_artifact, scan_id, page, limit)

    async def findings(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Finding]:
        """As in ``ScanStore.findings``."""
        return await self._inventory("findings", decode_finding, scan_id, page, limit)

    async def annotations(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Annotation]:
        """As in ``ScanStore.annotations``."""
        return await self._inventory("annotations", decode_annotation, scan_id, page, limit)

    async def evidence(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Evidence]:
        """As in ``ScanStore.evidence``."""
        return await self._inventory("evidence", decode_evidence, scan_id, page, limit)

    async def create_key(self, key: ApiKey) -> None:
        """As in ``AccessStore.create_key``."""
        await self._make(lambda held: held.access.create_key(key))

    async def keys(self) -> list[ApiKey]:
        """As in ``AccessStore.keys``."""
        return await self._held.access.keys()

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """As in ``AccessStore.revoke_key``."""
        return await self._make(lambda held: held.access.revoke_key(key_id, at))

    async def add_audit(self, entry: AuditEntry) -> None:
        """As in ``AccessStore.add_audit``."""
        await self._make(lambda held: held.access.add_audit(entry))

    async def audit(self, *, page: int = 1, limit: int = 20) -> Page[AuditEntry]:
        """As in ``AccessStore.audit``."""
        _rules.check_page(page, limit)
        return await self._held.access.audit(page, limit)

    @property
    def _held(self) -> _Open:
        if self._open is None:
            raise StoreError(f"The store {self.address.shown} is not open.")
        return self._open

    async def _make(self, act: Callable[[_Open], Awaitable[Answer]]) -> Answer:
        """Change something in its turn behind what was asked for before."""
        held = self._held
        return await held.changes.make(lambda: act(held))

    async def _of_scan(self, scan_id: str, name: str) -> bytes:
        found = await self._held.link.call("HGET", self._keys.scan(scan_id), name)
        if found is None:
            raise _rules.unknown_scan(scan_id)
        return bytes(found)

    async def _inventory(
        self, part: str, decode: Callable[[bytes], Row], scan_id: str, page: int, limit: int
    ) -> Page[Row]:
        _rules.check_page(page, limit)
        first, key = (page - 1) * limit, self._keys.inventory(scan_id, part)
        known, total, rows = await self._held.link.calls(
            [
                ("EXISTS", self._keys.scan(scan_id)),
                ("LLEN", key),
                ("LRANGE", key, first, first + limit - 1),
            ]
        )
        if not known:
            raise _rules.unknown_scan(scan_id)
        return Page(tuple(map(decode, rows)), page, limit, total)
