"""Waiting for what Redis answers: failures are told in words, an end is heeded, and a silent one is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ...errors import StoreError, StoreUnavailable, UsageError
from ._address import RedisAddress
from ._faults import FAULTS, in_words, is_silence

T = TypeVar("T")

ANSWER_S = 5.0
"""How long Redis may take to answer one command: less than a client of ours waits for its own answer."""
PAUSE_S = 0.2
"""How long after one that was refused its answer the next is asked for."""


class Answers:
    """The answers of one Redis to one process.

    One that hangs keeps whoever asks waiting until the time-out. So once it has kept one waiting, all others are told
    at once that it does not answer, while one task asks again and again, until there is an answer, whichever.

    Args:
        ping: asks something that is answered at once.

    Attributes:
        worked: whether everything that is asked of it was allowed once: then a refusal, of a password that was changed
            say, is an outage like any other, and no mistake in what we were told.
    """

    def __init__(self, address: RedisAddress, ping: Callable[[], Awaitable[Any]], *, worked: bool = False) -> None:
        self._address = address
        self._ping = ping
        self.worked = worked
        self._silence: str | None = None
        self._asking: asyncio.Task[None] | None = None

    async def to(self, asked: Awaitable[T]) -> T:
        """The answer to what was asked.

        Raises:
            StoreError: there is none, in words; ``StoreUnavailable`` where asking again may help.
        """
        if self._silence is not None:
            _take_back(asked)
            raise StoreUnavailable(self._silence)
        try:
            return await _heeding_an_end(asked)
        except FAULTS as error:
            said = in_words(self._address, error, worked=self.worked)
            if is_silence(error):
                self._leave_alone(said)
            raise said from error

    async def close(self) -> None:
        """Ask no more whether it is back."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _leave_alone(self, said: StoreError | UsageError) -> None:
        if self._silence is None:
            self._silence = str(said)
            self._asking = asyncio.create_task(self._ask_until_it_answers(), name="scanwatch-redis-is-silent")

    async def _ask_until_it_answers(self) -> None:
        while True:
            try:
                await _heeding_an_end(self._ping())
                break
            except FAULTS as error:
                if not is_silence(error):
                    break  # whoever asks next hears what it is
            await asyncio.sleep(PAUSE_S)
        self._silence = None


async def _heeding_an_end(asked: Awaitable[T]) -> T:
    """The answer, or the end of the task that waits for it.

    redis-py swallows a cancellation that comes while it looks whether a connection still lives; a task that was
    told to end would go on for ever, so it is made good here.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        answer = await asked
    except FAULTS as error:
        if task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


def _take_back(asked: Awaitable[Any]) -> None:
    """Ask it never: a coroutine that nobody awaits would complain."""
    if asyncio.iscoroutine(asked):
        asked.close()
