"""A queue for each connection that weighs a tenth of asyncio's while nothing is in it, which is nearly always."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

Item = TypeVar("Item")


class SmallQueue(Generic[Item]):
    """What python-engineio asks of an ``asyncio.Queue`` without a bound: lists where that has deques and an event."""

    __slots__ = ("_finished", "_getters", "_items", "_unfinished")

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._getters: list[asyncio.Future[None]] = []
        self._unfinished = 0
        self._finished: asyncio.Future[None] | None = None

    def qsize(self) -> int:
        """How many items wait."""
        return len(self._items)

    def empty(self) -> bool:
        """Whether none does."""
        return not self._items

    async def put(self, item: Item) -> None:
        """As ``put_nowait``: there is always room."""
        self.put_nowait(item)

    def put_nowait(self, item: Item) -> None:
        """Add an item."""
        self._items.append(item)
        self._unfinished += 1
        self._wake_one()

    async def get(self) -> Item:
        """Take out the first item, once there is one."""
        while not self._items:
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter in self._getters:
                    self._getters.remove(getter)
                elif self._items:
                    self._wake_one()  # it was this one's turn
                raise
        return self.get_nowait()

    def get_nowait(self) -> Item:
        """Take out the first item; raises ``asyncio.QueueEmpty``."""
        if not self._items:
            raise asyncio.QueueEmpty
        return self._items.pop(0)

    def task_done(self) -> None:
        """Say that an item that was taken out has been dealt with."""
        self._unfinished -= 1
        if not self._unfinished and self._finished is not None:
            self._finished.set_result(None)
            self._finished = None

    async def join(self) -> None:
        """Return when every item has been dealt with."""
        if self._unfinished:
            self._finished = self._finished or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._finished)

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.pop(0)
            if not getter.done():
                getter.set_result(None)
                return
