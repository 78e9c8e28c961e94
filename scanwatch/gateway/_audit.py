"""The trail: who did what to what, and who was refused."""

from __future__ import annotations

from ..jobs import Clock
from ..model import AuditEntry
from ..storage import AccessStore
from ._auth import Caller
from ._limits import Pace

REFUSALS_PER_MINUTE = 60
"""Refusals that are written down; whoever tries keys at random must not fill the disk."""
MAX_DETAIL = 300


class Trail:
    """Writes rows of the trail. A row is durable before the act it tells of is answered."""

    def __init__(self, store: AccessStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._refusals = Pace(REFUSALS_PER_MINUTE, clock.monotonic)
        self._passed_over = 0

    async def done(
        self,
        act: str,
        caller: Caller,
        *,
        scan_id: str | None = None,
        repository_id: str | None = None,
        key_id: str | None = None,
    ) -> None:
        """Keep that ``caller`` did something; ``key_id`` is the key acted on, else the one that was shown."""
        await self._store.add_audit(
            AuditEntry(
                time=self._clock.now(),
                act=act,
                actor=caller.name,
                scan_id=scan_id,
                repository_id=repository_id,
                key_id=key_id or caller.key_id,
            )
        )

    async def refused(self, act: str, caller: Caller | None, why: str, *, address: str | None = None) -> None:
        """Keep that somebody was refused, unless there were too many of them in this minute."""
        if self._refusals.wait_s(act):
            self._passed_over += 1
            return
        more = f" ({self._passed_over} more were refused before)" if self._passed_over else ""
        self._passed_over = 0
        words = f"{why[:MAX_DETAIL]}{f' From {address}.' if address else ''}{more}"
        await self._store.add_audit(
            AuditEntry(
                time=self._clock.now(),
                act=act,
                actor=None if caller is None else caller.name,
                key_id=None if caller is None else caller.key_id,
                detail=words,
                allowed=False,
            )
        )
