"""From one event to everybody who watches its scan, at the pace of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Set
from contextlib import AbstractContextManager, suppress
from typing import Any

from ... import wire
from ...model import Event
from ._backlog import Backlog
from ._lines import Line, Wires
from ._rooms import ALL, FIELD, Rooms, scan_room

STALL_S = 20.0
"""How long a client that is behind may read nothing before it is cut off."""
MAX_SCANS_BEHIND = 10_000
"""Of so many scans something may be kept for a client; one that needs more is cut off at once."""
TICK_S = 0.05

_logger = logging.getLogger(__name__)


class _Lag:
    """A client that is behind: what it has yet to be sent, and since when it has read nothing."""

    def __init__(self, line: Line, now: float) -> None:
        self.backlog = Backlog()
        self.silent_since = now
        self._unsent = line.unsent()

    def look(self, line: Line, now: float) -> None:
        """Note whether anything has been read since the last look."""
        unsent = line.unsent()
        if any(left < before for left, before in zip(unsent, self._unsent, strict=True)):
            self.silent_since = now
        self._unsent = unsent


class Fanout:
    """Who watches what, and the sending to them.

    A client whose queue is full is *behind*: from then on it is sent nothing, and of each scan only the newest
    progress is kept for it besides turns and ends. It catches up as it reads; one that reads nothing for ``stall_s``
    is cut off, and comes back with its cursor.

    Attributes:
        delivered: messages written or queued so far.
        merged: progress events that another one stood for.
        aborted: clients that were cut off.
    """

    def __init__(
        self, wires: Wires[Any], *, stall_s: float = STALL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wires = wires
        self._stall_s = stall_s
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._rooms: Rooms[Line] = Rooms()
        self._behind: dict[Line, _Lag] = {}
        self._tender: asyncio.Task[None] | None = None
        self.delivered = self.merged = self.aborted = 0

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._lines)

    @property
    def behind(self) -> int:
        """How many of them are behind."""
        return len(self._behind)

    def admit(self, sid: str) -> None:
        """Take a client in; it is in no room yet. One that has gone meanwhile stays out."""
        with suppress(KeyError):
            self._lines[sid] = self._wires.line(sid)

    def drop(self, sid: str) -> None:
        """Forget a client that has gone."""
        line = self._lines.pop(sid, None)
        if line is not None:
            self._rooms.drop(line)
            self._behind.pop(line, None)

    def enter(self, sid: str, room: str) -> bool:
        """Put a client into a room; whether it was outside. One that has gone meanwhile stays out."""
        line = self._lines.get(sid)
        return line is not None and self._rooms.enter(line, room)

    def leave(self, sid: str, room: str) -> None:
        """Take a client out of a room; harmless when it is not in. What is kept for it is not sent any more."""
        line = self._lines.get(sid)
        if line is not None:
            self._rooms.leave(line, room)
            if lag := self._behind.get(line):
                lag.backlog.forget(lambda rooms: not self._rooms.holds(line, rooms))

    def rooms_of(self, sid: str) -> Set[str]:
        """The rooms a client is in."""
        line = self._lines.get(sid)
        return frozenset() if line is None else self._rooms.of(line)

    def close_room(self, room: str) -> None:
        """Take everybody out of a room."""
        self._rooms.close(room)

    def publish(self, event: Event, rooms: tuple[str, ...] | None = None) -> None:
        """Send an event to everybody in any of ``rooms`` (those of its scan, of all scans and of field clients).

        When this returns it is written or queued, or kept for those who are behind.
        """
        rooms = rooms or (scan_room(event.scan_id), ALL, FIELD)
        audience = self._rooms.audience(rooms)
        if not audience:
            return
        late = self._wires.deliver(event, audience)
        self.delivered += len(audience) - len(late)
        for line in late:
            self._keep(line, event, rooms)

    def together(self) -> AbstractContextManager[None]:
        """Whatever is published inside leaves with the end of the ``with``, all of one client's in one write.

        Only for what happens in one step: inside, nothing else may be sent, and nothing awaited.
        """
        return self._wires.together()

    def tell(self, sid: str, name: str, payload: dict[str, Any]) -> None:
        """Send one client a message that is no event."""
        if line := self._lines.get(sid):
            line.send(name, payload)

    async def settled(self) -> None:
        """Return when everything published is on its way: what is answered after that overtakes nothing."""
        await self._wires.settled()

    async def close(self) -> None:
        """Send nothing more."""
        if self._tender is not None:
            self._tender.cancel()
            await asyncio.gather(self._tender, return_exceptions=True)
        await self._wires.close()

    def tend(self) -> None:
        """Send those who are behind what they have room for, and cut off those who read nothing."""
        now = self._clock()
        for line, lag in list(self._behind.items()):
            lag.look(line, now)
            self._catch_up(line, lag)
            if now - lag.silent_since >= self._stall_s or len(lag.backlog) > MAX_SCANS_BEHIND:
                self._abort(line)

    def _keep(self, line: Line, event: Event, rooms: tuple[str, ...]) -> None:
        lag = self._behind.get(line)
        if lag is None:
            lag = self._behind[line] = _Lag(line, self._clock())
            line.behind = True
            if self._tender is None:
                self._tender = asyncio.create_task(self._keep_tending(), name="scanwatch-tender")
        self.merged += lag.backlog.add(event, rooms)

    def _catch_up(self, line: Line, lag: _Lag) -> None:
        while lag.backlog and line.has_room():
            line.send(*wire.encode_event(lag.backlog.take()))
            self.delivered += 1
        if not lag.backlog and line in self._behind and line.has_room():
            del self._behind[line]
            line.behind = False

    def _abort(self, line: Line) -> None:
        _logger.info("a client that reads too slowly is cut off; it may come back with its cursor")
        self.aborted += 1
        self.drop(line.sid)
        line.abort()

    async def _keep_tending(self) -> None:
        while self._behind:
            await asyncio.sleep(TICK_S)
            self.tend()
        self._tender = None
