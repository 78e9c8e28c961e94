"""Who is in which room: kept here rather than in python-socketio, so that entering one is a single step."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Generic, TypeVar

ALL = "all"
"""Scanwatch clients that asked for every scan."""
FIELD = "field"
"""Clients written for gateways in the field: they ask for nothing and get everything."""

Member = TypeVar("Member")


def scan_room(scan_id: str) -> str:
    """The room of those who watch one scan."""
    return f"scan:{scan_id}"


class Rooms(Generic[Member]):
    """Members and the rooms they are in; a room exists as long as somebody is in it."""

    def __init__(self) -> None:
        self._members: dict[str, set[Member]] = {}
        self._rooms_of: dict[Member, set[str]] = {}

    def enter(self, member: Member, room: str) -> bool:
        """Put a member into a room; whether it was outside."""
        rooms = self._rooms_of.setdefault(member, set())
        if room in rooms:
            return False
        rooms.add(room)
        self._members.setdefault(room, set()).add(member)
        return True

    def leave(self, member: Member, room: str) -> None:
        """Take a member out of a room; harmless when it is not in."""
        rooms = self._rooms_of.get(member)
        if rooms is not None and room in rooms:
            rooms.remove(room)
            self._take_out(member, room)

    def drop(self, member: Member) -> None:
        """Take a member out of every room."""
        for room in self._rooms_of.pop(member, ()):
            self._take_out(member, room)

    def close(self, room: str) -> None:
        """Take everybody out of a room."""
        for member in tuple(self._members.get(room, ())):
            self.leave(member, room)

    def of(self, member: Member) -> Set[str]:
        """The rooms a member is in."""
        return frozenset(self._rooms_of.get(member, ()))

    def holds(self, member: Member, rooms: Iterable[str]) -> bool:
        """Whether a member is in any of ``rooms``."""
        return not self._rooms_of.get(member, set()).isdisjoint(rooms)

    def audience(self, rooms: Iterable[str]) -> Set[Member]:
        """Everybody in any of ``rooms``, each once. Good until somebody enters or leaves."""
        inhabited = [members for room in rooms if (members := self._members.get(room))]
        return inhabited[0] if len(inhabited) == 1 else set().union(*inhabited)

    def _take_out(self, member: Member, room: str) -> None:
        members = self._members[room]
        members.discard(member)
        if not members:
            del self._members[room]
