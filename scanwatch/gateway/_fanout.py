"""Rooms, and the way from one event to the sockets of everybody in them.

The rooms are kept here rather than in python-socketio, so that entering one is a single step without ``await`` and
nothing is encoded for an empty room.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import socketio

from .. import wire
from ..model import Event

ALL = "all"
"""Scanwatch clients that asked for every scan."""
FIELD = "field"
"""Clients written for gateways in the field: they ask for nothing and get everything."""


def scan_room(scan_id: str) -> str:
    """The room of those who watch one scan."""
    return f"scan:{scan_id}"


class Fanout:
    """Who is in which room, and the sending to them."""

    def __init__(self, server: socketio.AsyncServer) -> None:
        self._server = server
        self._members: dict[str, set[str]] = {}
        self._rooms_of: dict[str, set[str]] = {}

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._rooms_of)

    def admit(self, sid: str) -> None:
        """Take a client in; it is in no room yet."""
        self._rooms_of[sid] = set()

    def drop(self, sid: str) -> None:
        """Forget a client that has gone."""
        for room in self._rooms_of.pop(sid, ()):
            self._take_out(sid, room)

    def enter(self, sid: str, room: str) -> bool:
        """Put a client into a room; whether it was outside. One that has gone meanwhile stays out."""
        rooms = self._rooms_of.get(sid)
        if rooms is None or room in rooms:
            return False
        rooms.add(room)
        self._members.setdefault(room, set()).add(sid)
        return True

    def leave(self, sid: str, room: str) -> None:
        """Take a client out of a room; harmless when it is not in."""
        rooms = self._rooms_of.get(sid)
        if rooms is not None and room in rooms:
            rooms.remove(room)
            self._take_out(sid, room)

    def close_room(self, room: str) -> None:
        """Take everybody out of a room."""
        for sid in tuple(self._members.get(room, ())):
            self.leave(sid, room)

    def audience(self, rooms: Iterable[str]) -> frozenset[str]:
        """Everybody in any of ``rooms``, each once."""
        return frozenset().union(*(self._members.get(room, ()) for room in rooms))

    async def send(self, event: Event, audience: Collection[str]) -> None:
        """Send an event to a non-empty audience; those who have gone are passed over."""
        name, payload = wire.encode_event(event)
        await self.emit(name, payload, audience)

    async def emit(self, name: str, payload: dict[str, Any], audience: Collection[str]) -> None:
        """Send a message to a non-empty audience. It is queued for each socket, so a slow one holds up nobody."""
        await self._server.emit(name, payload, to=list(audience), namespace=wire.NAMESPACE)

    def _take_out(self, sid: str, room: str) -> None:
        members = self._members[room]
        members.discard(sid)
        if not members:
            del self._members[room]
