"""Events of scans that nobody watches yet: the first ones can come before the answer that names the scan."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from ..model import Event

SCANS = 256
EVENTS = 64
"""What is kept, of the scans heard of last and of each of them."""


class Unwatched:
    """The last events of the scans nobody watches."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, deque[Event]] = OrderedDict()

    def keep(self, event: Event) -> None:
        """Keep an event, for the case that its scan is watched soon."""
        self._events.setdefault(event.scan_id, deque(maxlen=EVENTS)).append(event)
        self._events.move_to_end(event.scan_id)
        if len(self._events) > SCANS:
            self._events.popitem(last=False)

    def take(self, scan_id: str) -> Iterable[Event]:
        """What was kept of a scan, in the order it came; it is kept no longer."""
        return self._events.pop(scan_id, ())
