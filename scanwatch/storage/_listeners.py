"""Who hears of new events and changes: a store's listeners, called in turn on its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

News = TypeVar("News")


class Listeners(Generic[News]):
    """The listeners of one store. One that raises, against its contract, is reported and disturbs nobody else."""

    def __init__(self) -> None:
        self._listeners: tuple[tuple[object, Callable[[News], None]], ...] = ()

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def add(self, listener: Callable[[News], None]) -> Callable[[], None]:
        """Call ``listener`` from now on; the returned function ends that, and is harmless when repeated."""
        entry = (object(), listener)
        self._listeners = (*self._listeners, entry)

        def end() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not entry)

        return end

    def publish(self, news: News) -> None:
        """Call every listener with ``news``: events that became durable together, or a change."""
        for _, listener in self._listeners:
            try:
                listener(news)
            except Exception as error:  # noqa: BLE001  a listener's fault must not cost others their events
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"A listener failed at {news!r:.200}", "exception": error}
                )
