"""Everything that a process writes goes one way, in the order it was asked for: appends in groups, the rest between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...model import Event
from ._appends import Append, Appended, Appends

GROUP = 200
"""Appends that go to Redis together at most: it does nothing else while it keeps them."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    act: Callable[[], Awaitable[Any]]
    answer: asyncio.Future[Any]


class Changes:
    """The one task that writes, from ``start`` to ``finish``."""

    def __init__(self, appends: Appends) -> None:
        self._appends = appends
        self._waiting: asyncio.Queue[Append | _Change | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._work(), name="scanwatch-changes")

    async def finish(self) -> None:
        """Write what was asked for so far, and end."""
        self._waiting.put_nowait(None)
        if self._task is not None:
            await self._task

    def append(self, event: Event, run: int, key: str | None) -> asyncio.Future[Appended]:
        """Append an event in its turn."""
        answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(Append(event, run, key, answer))
        return answer

    def make(self, act: Callable[[], Awaitable[Answer]]) -> asyncio.Future[Answer]:
        """Do something else in its turn, alone."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Change(act, answer))
        return answer

    async def _work(self) -> None:
        while (request := await self._waiting.get()) is not None:
            group: list[Append] = []
            while isinstance(request, Append):
                group.append(request)
                if len(group) == GROUP or self._waiting.empty():
                    break
                request = self._waiting.get_nowait()
            if group:
                await self._append(group)
            if request is None:
                return
            if isinstance(request, _Change):
                await _answer(request)

    async def _append(self, group: list[Append]) -> None:
        try:
            await self._appends.append(group)
        except Exception as error:  # noqa: BLE001  whatever it was, whoever waits must hear of it
            for one in group:
                one.refuse(error)


async def _answer(change: _Change) -> None:
    try:
        value = await change.act()
    except Exception as error:  # noqa: BLE001  as above
        if not change.answer.done():
            change.answer.set_exception(error)
    else:
        if not change.answer.done():  # else whoever asked was cancelled; the change stands
            change.answer.set_result(value)
