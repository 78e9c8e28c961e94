"""Waiting for a store that cannot be used at the moment, so that a scan outlives a restart of Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..errors import StoreUnavailable
from ._clock import Clock

T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a scan waits for its store before it is left to whoever comes after."""
PAUSE_S = 0.25


async def patiently(call: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """The answer to ``call``, asked again while the store is unavailable; it must be one that may be repeated.

    Raises:
        StoreUnavailable: it still was after ``PATIENCE_S``.
    """
    give_up_at = clock.monotonic() + PATIENCE_S
    while True:
        try:
            return await call()
        except StoreUnavailable:
            if clock.monotonic() >= give_up_at:
                raise
        await clock.sleep(PAUSE_S)
