"""Store first, then publish: what has been published of every live scan, and who joins where.

An event is published the moment the hub hears of it from the store: in that one step the scan's snapshot moves on
and the event is on its way to its audience. Whoever joins in another step has it in its snapshot or gets it sent,
never both, never neither.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ..errors import UnknownRecord
from ..model import TERMINAL, Event, ScanRequest
from ..snapshot import Snapshot, apply, new_snapshot
from ..storage import ScanFilter, Store
from ._auth import Scope
from ._fanout import ALL, FIELD, Fanout, scan_room
from ._scopes import Scopes

ENDED_IN_ALL = 200
"""How many ended scans a client that asks for all is told of."""
_TRIES = 100
_PATIENCE_S = 0.01

_logger = logging.getLogger(__name__)


class Hub:
    """The live scans, and the one step from the store's word of an event to its watchers."""

    def __init__(self, store: Store, fanout: Fanout, scopes: Scopes | None = None) -> None:
        self._store = store
        self._fanout = fanout
        self._scopes = scopes or Scopes()
        self._live: dict[str, Snapshot] = {}
        self._introduced: dict[str, Snapshot] = {}
        self._ends = 0
        self._unlisten: Callable[[], None] = lambda: None

    @property
    def live_scans(self) -> int:
        """How many scans have not ended."""
        return len(self._live)

    async def start(self) -> None:
        """Begin to listen and publish. Call it before anything appends to the store."""
        self._unlisten = self._store.listen(self._hear)
        for scan_id in await self._store.unfinished():
            self._live[scan_id] = await self._store.snapshot(scan_id)

    def close(self) -> None:
        """Stop publishing; what is stored and not yet sent is replayed when its watchers come back."""
        self._unlisten()

    async def join(self, sid: str, scan_id: str) -> tuple[Snapshot, bool]:
        """Enter a client into a scan's room and say what has been published of the scan.

        Returns the snapshot at the last published event (later ones reach the client live) and whether the client
        was outside before.

        Raises:
            UnknownRecord: no such scan.
        """
        for _ in range(_TRIES):
            snapshot = self._live.get(scan_id)
            if snapshot is None:
                stored = await self._store.snapshot(scan_id)
                snapshot = self._live.get(scan_id, stored if stored.terminal else None)
            if snapshot is not None:
                break
            await asyncio.sleep(_PATIENCE_S)  # it is so new that the store's word of it is still on the way
        else:
            raise RuntimeError(f"scan {scan_id} has not ended, and the hub has never heard of it")
        entered = not snapshot.terminal and self._fanout.enter(sid, scan_room(scan_id))
        return await self._identified(snapshot), entered

    def introduce(self, request: ScanRequest) -> None:
        """Say what is about to be triggered: its first event does not tell of which repository it is.

        Call ``forget`` if nothing comes of it.
        """
        self._introduced[request.scan_id] = new_snapshot(request)

    async def join_all(self, sid: str, scope: Scope | None = None) -> list[Snapshot]:
        """Enter a client into the room of all scans it sees; returns every live one and the newest ended ones."""
        covered = None if scope is None else self._scopes.covered(scope)
        ended, ends = None, -1
        while ended is None or ends != self._ends:  # one that ends meanwhile would be in neither list
            ends = self._ends
            where = ScanFilter(status=TERMINAL, repository_ids=covered)
            ended = await self._store.scans(where, limit=ENDED_IN_ALL)
        self._fanout.enter(sid, self._scopes.all_room(scope))
        live = {key: one for key, one in self._live.items() if covered is None or one.repository_id in covered}
        others = [row for row in ended.rows if row.scan_id not in live]  # what the store says early is still live here
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

    def _hear(self, events: Sequence[Event]) -> None:
        if len(events) == 1:
            self._publish(events[0])
            return
        with self._fanout.together():
            for event in events:
                self._publish(event)

    def _publish(self, event: Event) -> None:
        before = self._live.get(event.scan_id) or self._introduced.pop(event.scan_id, None) or Snapshot(event.scan_id)
        after = apply(before, event)
        try:
            self._fanout.publish(event, self._rooms(event.scan_id, before.repository_id))
        except Exception:
            _logger.exception("event %s of scan %s could not be sent", event.seq, event.scan_id)
        if after.terminal:
            self._ends += 1
            self.forget(event.scan_id)
        else:
            self._live[event.scan_id] = after

    def _rooms(self, scan_id: str, repository_id: str | None) -> tuple[str, ...]:
        return (scan_room(scan_id), ALL, FIELD, *self._scopes.rooms_of(repository_id))

    async def _identified(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with what only the request knows: events do not repeat the target."""
        if snapshot.target is not None:
            return snapshot
        try:
            request = await self._store.request(snapshot.scan_id)
        except UnknownRecord:
            return snapshot  # deleted meanwhile
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
