"""Store first, then publish: what has been published of every live scan, and who joins where.

An event is published the moment the hub hears of it from the store: in that one step the scan's snapshot moves on
and the event is on its way to its audience. Whoever joins in another step has it in its snapshot or gets it sent,
never both, never neither.

Several gateways may share a store: each hears all of its events and publishes them to its own clients. What a gateway
reads of a shared store may be ahead of what it has heard, so an event that is no news is published no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from ..errors import StoreError, StoreUnavailable, UnknownRecord
from ..model import TERMINAL, Event, ScanRequest
from ..snapshot import Snapshot, apply, new_snapshot
from ..storage import ScanFilter, Store
from ._auth import Scope
from ._fanout import ALL, FIELD, Fanout, scan_room
from ._scopes import Scopes

ENDED_IN_ALL = 200
"""How many ended scans a client that asks for all is told of."""
REMEMBERED = 1_000
"""Of so many ended scans the snapshots are kept, for whoever asks while the store does not answer."""
_TRIES = 100
_PATIENCE_S = 0.01
_RETRY_S = 1.0

_logger = logging.getLogger(__name__)


class Hub:
    """The live scans, and the one step from the store's word of an event to its watchers.

    Attributes:
        gaps: how often events went by unheard.
    """

    def __init__(self, store: Store, fanout: Fanout, scopes: Scopes | None = None) -> None:
        self._store = store
        self._fanout = fanout
        self._scopes = scopes or Scopes()
        self._live: dict[str, Snapshot] = {}
        self._introduced: dict[str, Snapshot] = {}
        self._ended: OrderedDict[str, Snapshot] = OrderedDict()
        self._ends = 0
        self.gaps = 0
        self._newest: datetime | None = None
        self._waiting: list[Event] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = lambda: None

    @property
    def live_scans(self) -> int:
        """How many scans have not ended."""
        return len(self._live)

    @property
    def pictures(self) -> Iterable[Snapshot]:
        """The scans as they were last heard of: every live one, and those that ended last."""
        return (*self._live.values(), *self._ended.values())

    def picture(self, scan_id: str) -> Snapshot | None:
        """One of ``pictures``."""
        return self._live.get(scan_id) or self._ended.get(scan_id)

    async def start(self) -> None:
        """Begin to listen and publish. Call it before anybody joins."""
        self._waiting = []
        self._unlisten = self._store.listen(self._hear)
        for scan_id in await self._store.unfinished():
            self._live[scan_id] = await self._store.snapshot(scan_id)
        self._go_on()

    async def close(self) -> None:
        """Stop publishing; what is stored and not yet sent is replayed when its watchers come back."""
        self._unlisten()
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    def catch_up(self) -> None:
        """Events have gone by unheard: read and publish them, before any that is heard from now on."""
        self.gaps += 1
        if self._waiting is None:
            self._waiting = []
            self._catching_up = asyncio.create_task(self._catch_up(), name="scanwatch-catch-up")

    async def join(self, sid: str, scan_id: str) -> tuple[Snapshot, bool]:
        """Enter a client into a scan's room and say what has been published of the scan.

        Returns the snapshot at the last published event (later ones reach the client live) and whether the client
        was outside before.

        Raises:
            UnknownRecord: no such scan.
        """
        for tried in range(_TRIES):
            snapshot = self._live.get(scan_id)
            if snapshot is None:
                stored = await self._stored(scan_id)
                snapshot = self._live.get(scan_id, stored if stored.terminal else None)
            if snapshot is not None:
                break
            if tried == _TRIES // 2:
                self.catch_up()
            await asyncio.sleep(_PATIENCE_S)  # it is so new that the store's word of it is still on the way
        else:
            raise RuntimeError(f"scan {scan_id} has not ended, and the hub has never heard of it")
        entered = not snapshot.terminal and self._fanout.enter(sid, scan_room(scan_id))
        return await self._identified(snapshot), entered

    def introduce(self, request: ScanRequest) -> None:
        """Say what is about to be triggered: its first event does not tell of which repository it is.

        Call ``withdraw`` if nothing comes of it.
        """
        self._introduced[request.scan_id] = new_snapshot(request)

    def withdraw(self, scan_id: str) -> None:
        """Nothing came of what was introduced; if another gateway was first, the scan is heard of like any other."""
        self._introduced.pop(scan_id, None)

    async def join_all(self, sid: str, scope: Scope | None = None) -> list[Snapshot]:
        """Enter a client into the room of all scans it sees; returns every live one and the newest ended ones."""
        covered = None if scope is None else self._scopes.covered(scope)
        ended, ends = None, -1
        while ended is None or ends != self._ends:  # one that ends meanwhile would be in neither list
            ends = self._ends
            ended = await self._newest_ended(covered)
        self._fanout.enter(sid, self._scopes.all_room(scope))
        live = {key: one for key, one in self._live.items() if covered is None or one.repository_id in covered}
        others = [row for row in ended if row.scan_id not in live]  # what the store says early is still live here
        return [*[await self._identified(snapshot) for snapshot in live.values()], *others]

    def leave(self, sid: str, scan_id: str) -> None:
        """Take a client out of a scan's room."""
        self._fanout.leave(sid, scan_room(scan_id))

    def leave_all(self, sid: str, scope: Scope | None = None) -> None:
        """Take a client out of the room of all scans it sees."""
        self._fanout.leave(sid, self._scopes.all_room(scope))

    async def sent(self) -> None:
        """Return when everything published so far is on its way: what is answered after that is not overtaken."""
        await self._fanout.settled()

    def forget(self, scan_id: str) -> None:
        """Let go of a scan of which no event will come: it has ended, or was deleted."""
        self._live.pop(scan_id, None)
        self._introduced.pop(scan_id, None)
        self._fanout.close_room(scan_room(scan_id))

    def forget_repository(self, repository_id: str) -> None:
        """Let go of the scans of a repository that was deleted."""
        for snapshot in self.pictures:
            if snapshot.repository_id == repository_id:
                self.forget(snapshot.scan_id)
                self._ended.pop(snapshot.scan_id, None)

    def _hear(self, events: Sequence[Event]) -> None:
        if self._waiting is not None:
            self._waiting += events
        elif len(events) == 1:
            self._publish(events[0])
        else:
            with self._fanout.together():
                for event in events:
                    self._publish(event)

    def _go_on(self) -> None:
        """Publish what was heard while the store was read, unless it was read of."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            self._hear(waiting)

    def _publish(self, event: Event) -> None:
        before = self._live.get(event.scan_id)
        if before is None:
            if event.seq != 1:
                return  # it has ended, or was deleted, and this was read of it before it was heard
            before = self._introduced.pop(event.scan_id, None) or Snapshot(event.scan_id)
        after = apply(before, event)
        if after is before:
            return
        try:
            self._fanout.publish(event, self._rooms(event.scan_id, before.repository_id))
        except Exception:
            _logger.exception("event %s of scan %s could not be sent", event.seq, event.scan_id)
        if event.seq == 1 and (self._newest is None or event.time > self._newest):
            self._newest = event.time
        if after.terminal:
            self._ends += 1
            self.forget(event.scan_id)
            self._remember(after)
        else:
            self._live[event.scan_id] = after

    def _remember(self, ended: Snapshot) -> None:
        self._ended[ended.scan_id] = ended
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    async def _catch_up(self) -> None:
        while True:
            try:
                await self._publish_what_was_missed()
                break
            except StoreError as error:
                _logger.warning("what was missed cannot be read yet: %s", error)
                await asyncio.sleep(_RETRY_S)
        self._go_on()

    async def _publish_what_was_missed(self) -> None:
        missed = dict.fromkeys((*self._live, *await self._store.unfinished(), *await self._ended_unheard()))
        for scan_id in missed:
            try:
                stored = await self._stored(scan_id)
            except UnknownRecord:
                self.forget(scan_id)
                continue
            live = self._live.get(scan_id)
            if live is None:
                self.introduce(await self._store.request(scan_id))
            elif stored.seq < live.seq:
                self._live[scan_id] = stored  # the store has lost its end, and goes on from there
            while (live := self._live.get(scan_id)) is None or live.seq < stored.seq:
                events = await self._store.events(scan_id, after=0 if live is None else live.seq)
                for event in events:
                    self._publish(event)
                if not events or events[-1].terminal:
                    break

    async def _ended_unheard(self) -> list[str]:
        """The scans that began and ended unheard."""
        if self._newest is None:
            return []
        where = ScanFilter(status=TERMINAL, created_from=self._newest)
        ended = await self._store.scans(where, limit=ENDED_IN_ALL)
        return [row.scan_id for row in reversed(ended.rows) if row.scan_id not in self._ended]

    def _rooms(self, scan_id: str, repository_id: str | None) -> tuple[str, ...]:
        return (scan_room(scan_id), ALL, FIELD, *self._scopes.rooms_of(repository_id))

    async def _stored(self, scan_id: str) -> Snapshot:
        """What the store says of a scan; while it does not answer, what was heard last."""
        try:
            return await self._store.snapshot(scan_id)
        except StoreUnavailable:
            if scan_id not in self._ended:
                raise
            return self._ended[scan_id]

    async def _newest_ended(self, covered: frozenset[str] | None) -> Sequence[Snapshot]:
        """The scans that ended last, the newest first; while the store does not answer, those that were heard to."""
        where = ScanFilter(status=TERMINAL, repository_ids=covered)
        try:
            return (await self._store.scans(where, limit=ENDED_IN_ALL)).rows
        except StoreUnavailable:
            rows = [one for one in self._ended.values() if covered is None or one.repository_id in covered]
            return rows[: -ENDED_IN_ALL - 1 : -1]

    async def _identified(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with what only the request knows: events do not repeat the target."""
        if snapshot.target is not None:
            return snapshot
        try:
            request = await self._store.request(snapshot.scan_id)
        except (UnknownRecord, StoreUnavailable):
            return snapshot  # deleted meanwhile, or not to be had now
        live = self._live.get(snapshot.scan_id)
        if live is not None:
            self._live[snapshot.scan_id] = _with_identity(live, request)
        return _with_identity(snapshot, request)


def _with_identity(snapshot: Snapshot, request: ScanRequest) -> Snapshot:
    return replace(
        snapshot,
        repository_id=request.repository_id,
        target=request.target,
        requested_by=request.requested_by,
        retry_of=request.retry_of,
    )
