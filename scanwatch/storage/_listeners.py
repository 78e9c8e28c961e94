"""Who hears of new events: a store's listeners, called in turn on its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ..model import Event
from ._base import Listener


class Listeners:
    """The listeners of one store. One that raises, against its contract, is reported and disturbs nobody else."""

    def __init__(self) -> None:
        self._listeners: tuple[tuple[object, Listener], ...] = ()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` from now on; the returned function ends that, and is harmless when repeated."""
        entry = (object(), listener)
        self._listeners = (*self._listeners, entry)

        def end() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not entry)

        return end

    def publish(self, events: Sequence[Event]) -> None:
        """Call every listener with ``events``, which became durable together."""
        for _, listener in self._listeners:
            try:
                listener(events)
            except Exception as error:  # noqa: BLE001  a listener's fault must not cost others their events
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"A listener of scan {events[0].scan_id} failed", "exception": error}
                )
