"""What one client that reads too slowly has yet to be sent, kept small."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ...model import Event


class Backlog:
    """Events of any number of scans: of each the order is kept, and progress is merged.

    Progress events that follow one another become the last of them, marked ``merged_from`` with the first. Ends and
    turns (an attempt that failed, a cancel, a restart) are kept as they are.
    """

    def __init__(self) -> None:
        self._scans: dict[str, list[Event]] = {}
        self._rooms: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        """Of how many scans something is kept."""
        return len(self._scans)

    def add(self, event: Event, rooms: tuple[str, ...]) -> bool:
        """Keep an event that went to ``rooms``; whether it took another's place."""
        self._rooms[event.scan_id] = rooms
        held = self._scans.setdefault(event.scan_id, [])
        if held and _is_plain(held[-1]) and _is_plain(event):
            last = held[-1]
            held[-1] = replace(event, merged_from=last.merged_from or last.seq)
            return True
        held.append(event)
        return False

    def take(self) -> Event:
        """Take out the next event to be sent; scans come in turn, so that none waits for the whole of another."""
        scan_id, held = next(iter(self._scans.items()))
        event = held.pop(0)
        del self._scans[scan_id]
        if held:
            self._scans[scan_id] = held
        else:
            del self._rooms[scan_id]
        return event

    def forget(self, unwatched: Callable[[tuple[str, ...]], bool]) -> None:
        """Let go of running scans whose rooms are ``unwatched``; an end is told even after its room has closed."""
        for scan_id in [scan_id for scan_id, rooms in self._rooms.items() if unwatched(rooms)]:
            if not self._scans[scan_id][-1].terminal:
                del self._scans[scan_id], self._rooms[scan_id]


def _is_plain(event: Event) -> bool:
    """Whether an event says nothing but how far a scan is, so that a later one says it all."""
    return not event.terminal and event.turn is None
