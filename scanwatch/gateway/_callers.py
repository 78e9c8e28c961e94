"""Who is connected to the socket, and until when they may be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from ..model import ApiKey
from ._auth import Caller
from ._scopes import Scopes

LONGEST_S = 3600.0
"""A timer is set for no longer than that and then again: the clock on the wall may be put right meanwhile."""

End = Callable[[str, str, str], Coroutine[Any, Any, None]]
"""Ends the connection of a client: its sid, a code, and a sentence for whoever is behind it."""

_logger = logging.getLogger(__name__)


class Callers:
    """The callers behind the connected clients; ends a connection when what opened it no longer holds."""

    def __init__(self, scopes: Scopes, *, now: Callable[[], datetime], end: End) -> None:
        self._scopes = scopes
        self._now = now
        self._end = end
        self._by_sid: dict[str, Caller] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._endings: set[asyncio.Task[None]] = set()

    def of(self, sid: str) -> Caller | None:
        """Who is behind a client; ``None`` once it has gone, or was ended."""
        return self._by_sid.get(sid)

    def add(self, sid: str, caller: Caller) -> None:
        """A client has come."""
        self._by_sid[sid] = caller
        if caller.scope is not None:
            self._scopes.add(caller.scope)
        if caller.expires_at is not None:
            self._wind(sid, caller.expires_at)

    def drop(self, sid: str) -> None:
        """A client has gone; harmless when repeated."""
        if timer := self._timers.pop(sid, None):
            timer.cancel()
        caller = self._by_sid.pop(sid, None)
        if caller is not None and caller.scope is not None:
            self._scopes.remove(caller.scope)

    async def close(self) -> None:
        """Stop the timers and what they began."""
        for timer in self._timers.values():
            timer.cancel()
        for task in self._endings:
            task.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)

    def revoked(self, key: ApiKey) -> None:
        """A key was revoked: nobody stays who came with it."""
        for sid, caller in list(self._by_sid.items()):
            if caller.key_id == key.id:
                self._begin_end(sid, "revoked", "The token was revoked; ask for a new one.")

    def retargeted(self, repository_id: str, before: str, now: str) -> None:
        """A repository has another target: who no longer sees it joins anew, with what is left to see."""
        for sid, caller in list(self._by_sid.items()):
            if caller.sees(repository_id, before) and not caller.sees(repository_id, now):
                self._begin_end(sid, "changed", "What this token covers has changed; connect again.")

    def _wind(self, sid: str, at: datetime) -> None:
        left_s = (at - self._now()).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(0.0, min(left_s, LONGEST_S)), self._rung, sid, at)
        self._timers[sid] = timer

    def _rung(self, sid: str, at: datetime) -> None:
        if self._now() < at:
            self._wind(sid, at)
        else:
            self._begin_end(sid, "expired", "The token has expired; get a new one.")

    def _begin_end(self, sid: str, code: str, words: str) -> None:
        task = asyncio.create_task(self._end(sid, code, words))
        self._endings.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._endings.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("a connection could not be ended", exc_info=error)
