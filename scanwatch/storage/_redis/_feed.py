"""The feed: one stream that tells every process, in one order, what any of them has written."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import secrets
from collections.abc import Callable, Sequence

import msgspec

from ...errors import StoreError
from ...model import Event
from .._base import Change, FeedGap, RepositoryGone
from .._records import decode_api_key, decode_event, decode_repository, decode_request
from ._keys import Keys
from ._link import Link

LENGTH = 100_000
"""Entries the feed keeps, about: whoever is further behind reads the scans themselves again."""
_AT_ONCE = 500
_BLOCK_MS = 1_000
"""How long a read waits for news: well below the time after which a silent connection counts as lost."""
_PAUSE_S = (0.05, 1.0)
"""The pause after the first failed read, and the longest."""
LOOK_S = 5.0
"""How often is looked whether the store is still the one that is followed."""
_START = b"0-0"

_NEWS: dict[bytes, Callable[[bytes], Event | Change]] = {
    b"event": decode_event,
    b"request": decode_request,
    b"key": decode_api_key,
    b"repository": decode_repository,
    b"gone": lambda body: RepositoryGone(body.decode()),
}

_logger = logging.getLogger(__name__)


class Feed:
    """Reads the feed from the moment it was placed, and tells it on in its order.

    It is read from the first listener on: a worker, which has none, is spared the events of all the others.

    Args:
        tell: told the events of consecutive entries, all at once.
        tell_change: told everything else, between the events it stands between.
    """

    def __init__(
        self, link: Link, keys: Keys, *, tell: Callable[[Sequence[Event]], None], tell_change: Callable[[Change], None]
    ) -> None:
        self._link = link
        self._name = keys["feed"]
        self._meta = keys["meta"]
        self._born = b""
        self._look_at = 0.0
        self._tell = tell
        self._tell_change = tell_change
        self._cursor = _START
        self._told = _position(_START)
        self._waiting: list[tuple[tuple[int, int], int, asyncio.Future[None]]] = []
        self._turns = itertools.count()
        self._task: asyncio.Task[None] | None = None
        self.failing: StoreError | None = None
        """Why the feed cannot be read at the moment."""

    async def place(self) -> None:
        """Find the last entry there is: what comes behind it is to be read."""
        self._born = await self._birth()
        self._cursor = await self._last()
        self._release()

    def begin(self) -> None:
        """Read from now on; harmless when repeated."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="scanwatch-feed")

    async def stop(self) -> None:
        """Read no further."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def passed(self, entry: bytes, timeout_s: float) -> bool:
        """Wait until what was written with ``entry`` has been told on; false if it has not been in time.

        While nobody listens there is nothing to wait for, and whoever does later hears what comes behind the entry.
        """
        wanted = _position(entry)
        if self._task is None and wanted > self._told:
            self._cursor = entry
            self._release()
        if self._told >= wanted:
            return True
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (wanted, next(self._turns), told))
        try:
            async with asyncio.timeout(timeout_s):
                await told
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        pause_s = _PAUSE_S[0]
        while True:
            try:
                if self.failing is not None:
                    await self._look_for_a_gap()
                await self._look_whether_it_is_another()
                await self._read()
                if self.failing is not None:
                    _logger.warning("the feed of %s is read again", self._link.address.shown)
                self.failing, pause_s = None, _PAUSE_S[0]
            except StoreError as error:
                if self.failing is None:
                    _logger.warning("the feed cannot be read, which is tried again until it can: %s", error)
                self.failing = error
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_S[1])

    async def _read(self) -> None:
        answer = await self._link.call(
            "XREAD", "COUNT", _AT_ONCE, "BLOCK", _BLOCK_MS, "STREAMS", self._name, self._cursor
        )
        entries = answer[0][1] if answer else []
        if len(entries) == _AT_ONCE:
            await self._look_for_a_gap()  # far behind: what follows the cursor may be gone
        if entries:
            self._pass_on(entries)
            self._cursor = entries[-1][0]
            self._release()

    async def _look_for_a_gap(self) -> None:
        """Say so if the entry at the cursor is gone: trimmed, or never saved before Redis was restarted."""
        if self._cursor == _START:
            return
        if await self._link.call("XRANGE", self._name, self._cursor, self._cursor):
            return
        await self._leap("the feed has gone on without us, or was lost; the scans are read again")

    async def _look_whether_it_is_another(self) -> None:
        """Say so if the store was emptied: what is read of another's feed follows on the cursor as well."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return
        born = await self._birth()
        self._look_at = now + LOOK_S
        if born != self._born:
            self._born = born
            await self._leap("the store was emptied, or another is in its place; the scans are read again")

    async def _leap(self, why: str) -> None:
        """Go on at the end of the feed, and have what lies between read elsewhere."""
        _logger.warning(why)
        self._cursor = await self._last()
        self._tell_change(FeedGap())
        self._release()

    async def _birth(self) -> bytes:
        """What tells a store from one that was emptied and begun anew; whoever looks first makes it up."""
        while (born := await self._link.call("HGET", self._meta, "born")) is None:
            await self._link.call("HSETNX", self._meta, "born", secrets.token_hex(8))
        return bytes(born)

    def _release(self) -> None:
        """Let those go on who wait for what has been told now."""
        self._told = _position(self._cursor)
        while self._waiting and self._waiting[0][0] <= self._told:
            _, _, told = heapq.heappop(self._waiting)
            if not told.done():
                told.set_result(None)

    async def _last(self) -> bytes:
        last = await self._link.call("XREVRANGE", self._name, "+", "-", "COUNT", 1)
        return bytes(last[0][0]) if last else _START

    def _pass_on(self, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        together: list[Event] = []
        for _, fields in entries:
            for news in _decoded(fields):
                if isinstance(news, Event):
                    together.append(news)
                    continue
                if together:
                    self._tell(together)
                    together = []
                self._tell_change(news)
        if together:
            self._tell(together)


def _decoded(fields: dict[bytes, bytes]) -> list[Event | Change]:
    """What an entry says; nothing that is new in a later version, and nothing if it cannot be read."""
    try:
        return [_NEWS[name](body) for name, body in fields.items() if name in _NEWS]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        _logger.exception("an entry of the feed cannot be read")
        return []


def _position(entry: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry.partition(b"-")
    return int(milliseconds), int(number)
