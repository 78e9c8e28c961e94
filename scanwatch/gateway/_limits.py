"""How much one caller may have at a time: requests in a minute, scans that have not ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

REMEMBERED = 10_000
"""Callers whose pace is remembered; who was not seen for longest is forgotten first, and starts afresh."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Pace:
    """A token bucket for each caller: ``per_minute`` requests at once, refilled evenly. 0 sets no limit."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._most = per_minute
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, who: str) -> float:
        """Take one token of ``who``: 0 if there was one, else the seconds until there is."""
        if self._most == 0:
            return 0.0
        now, each_s = self._now(), 60.0 / self._most
        bucket = self._buckets.pop(who, None) or _Bucket(self._most, now)
        self._buckets[who] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._most, bucket.tokens + (now - bucket.at) / each_s)
        bucket.at = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) * each_s
        bucket.tokens -= 1
        return 0.0


class Places:
    """Who has how many unfinished scans. Scans from before the gateway's start count for nobody."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._owner: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def take(self, who: str, scan_id: str) -> bool:
        """Take a place for a scan; whether there was one."""
        if self._taken.get(who, 0) >= self._most:
            return False
        self._owner[scan_id] = who
        self._taken[who] = self._taken.get(who, 0) + 1
        return True

    def give_back(self, scan_id: str) -> None:
        """The scan has ended, or was never made; harmless when repeated."""
        who = self._owner.pop(scan_id, None)
        if who is None:
            return
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]
