"""Everything a transport receives, told to whoever records it; costs next to nothing while nobody does."""

from __future__ import annotations

from collections.abc import Callable

from ..wire import Recorded

Sink = Callable[[Recorded], None]


class Received:
    """The sinks of one transport. Sinks come and go from any thread; they must return at once and never raise."""

    def __init__(self) -> None:
        self._sinks: tuple[Sink, ...] = ()

    def __call__(self, make: Callable[[], Recorded]) -> None:
        """Something was received; ``make()`` is its line of a recording, made only when somebody wants it."""
        if self._sinks:
            line = make()
            for sink in self._sinks:
                sink(line)

    def tell(self, sink: Sink) -> Callable[[], None]:
        """Tell ``sink`` from now on; what is returned ends that."""
        self._sinks = (*self._sinks, sink)

        def end() -> None:
            self._sinks = tuple(one for one in self._sinks if one is not sink)

        return end
