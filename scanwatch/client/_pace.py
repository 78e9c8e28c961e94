"""How often a gateway is asked: the pace of reads of one scan, and the pauses between attempts to connect.

At most two reads a second for two seconds after a trigger, a failure or a reconnect; otherwise one in two seconds,
one in fifteen while events flow, and one a minute where the gateway has promised to push (a subscription): there a
loss shows as a gap in ``seq``, and the reads only guard against the gateway's own mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

HURRY_S = 2.0
HURRIED_EVERY_S = 0.5
SILENT_EVERY_S = 2.0
FLOWING_EVERY_S = 15.0
SUBSCRIBED_EVERY_S = 60.0
GREETING_S = 0.2
"""How long the first read after joining is put off: a gateway of ours says hello within that, and needs no read."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Pace:
    """When the next read of one scan is due. Moments are seconds of the session's clock."""

    def __init__(self, now: float) -> None:
        self._last = float("-inf")
        self._event = float("-inf")
        self._wanted = now + GREETING_S
        self._hurried_until = now + HURRY_S
        self._asked_since = False
        """Whether a read was sent since the last time something happened."""
        self._errors = 0

    def hurry(self, now: float, first_in: float = 0.0) -> None:
        """Read soon and, for two seconds, more often: something has happened that a read will explain."""
        self._wanted = now + first_in
        self._hurried_until = now + HURRY_S
        self._asked_since = False

    def heard(self, now: float) -> None:
        """An event came."""
        self._event = now

    def due(self, now: float, *, subscribed: bool = False) -> bool:
        """Whether it is time to read."""
        if now < self._wanted:
            return False
        return now >= self._last + self._interval(now, subscribed)

    def asked(self, now: float) -> None:
        """A read was sent."""
        self._last = now
        self._asked_since = True

    def answered(self, *, well: bool) -> None:
        """Reads that fail are made rarer, until one succeeds."""
        self._errors = 0 if well else min(self._errors + 1, 5)

    def _interval(self, now: float, subscribed: bool) -> float:
        if not self._asked_since:
            return HURRIED_EVERY_S
        if subscribed:
            return SUBSCRIBED_EVERY_S
        if now <= self._hurried_until:
            return HURRIED_EVERY_S
        if now < self._event + FLOWING_EVERY_S:
            return FLOWING_EVERY_S
        return min(SILENT_EVERY_S * 2.0**self._errors, LONGEST_PAUSE_S)


class Backoff:
    """Pauses between attempts to connect: doubling, capped, spread so that a crowd of clients does not come at once."""

    def __init__(self, draw: Callable[[], float] | None = None) -> None:
        self._draw = draw or Random().random  # noqa: S311 a spread, not a secret
        self.tries = 0

    def reset(self) -> None:
        self.tries = 0

    def next_pause_s(self) -> float:
        """Seconds to wait before the next attempt: between half of the step and all of it."""
        step = min(FIRST_PAUSE_S * 2.0 ** min(self.tries, 10), LONGEST_PAUSE_S)
        self.tries += 1
        return step * (0.5 + 0.5 * self._draw())
