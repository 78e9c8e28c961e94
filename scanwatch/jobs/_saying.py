"""Saying what goes on being so now and then, not each time it is met."""

from __future__ import annotations

from collections import OrderedDict

from ._clock import Clock

AGAIN_S = 60.0
REMEMBERED = 100


class Saying:
    """What was said of late; used by one task at a time.

    Args:
        again_s: after so long the same is news again.
    """

    def __init__(self, clock: Clock, *, again_s: float = AGAIN_S) -> None:
        self._clock = clock
        self._again_s = again_s
        self._said: OrderedDict[str, float] = OrderedDict()

    def is_news(self, words: str) -> bool:
        """Whether to say this now; whoever asks says it then."""
        now = self._clock.monotonic()
        at = self._said.get(words)
        if at is not None and now - at < self._again_s:
            return False
        self._said[words] = now
        self._said.move_to_end(words)
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return True
