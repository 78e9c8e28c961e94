"""Thins a stream of reports without losing a phase. Pure: time comes with the calls."""

from __future__ import annotations

from typing import Generic, TypeVar

from ..model import Phase

Item = TypeVar("Item")


class Coalescer(Generic[Item]):
    """Lets at most one item in every ``interval_s`` seconds through, the newest.

    The first and the last item of each phase always pass; with ``interval_s`` 0 every item does.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._ready: list[Item] = []
        self._held: Item | None = None
        self._phase: Phase | None = None
        self._open_at = float("-inf")

    def offer(self, phase: Phase, item: Item) -> None:
        """Take in what was reported."""
        if phase is self._phase and self.interval_s > 0:
            self._held = item
            return
        self._release()
        self._ready.append(item)
        self._phase = phase

    def take(self, now: float) -> list[Item]:
        """What may pass at ``now``, in order; may be empty."""
        if not self._ready and now >= self._open_at:
            self._release()
        if self._ready:
            self._open_at = now + self.interval_s
        passed, self._ready = self._ready, []
        return passed

    def due_in(self, now: float) -> float | None:
        """Seconds until ``take`` has something; ``None`` while nothing waits."""
        if self._ready:
            return 0.0
        return None if self._held is None else max(0.0, self._open_at - now)

    def flush(self) -> list[Item]:
        """Everything that waits, whatever the time."""
        self._release()
        passed, self._ready = self._ready, []
        return passed

    def _release(self) -> None:
        if self._held is not None:
            self._ready.append(self._held)
            self._held = None
