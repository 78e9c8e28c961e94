"""Waiting, blocking or awaiting, in short slices: an interrupt is noticed at once and stops only the waiting."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import threading
import time
from collections.abc import Callable
from numbers import Real
from typing import TypeVar

from ..errors import GatewayError, UsageError

T = TypeVar("T")

SLICE_S = 0.2
"""The longest time an interrupt or a cancelled cell goes unnoticed."""

Wake = Callable[[], None]
Arm = Callable[[Wake], Callable[[], None]]
"""Given something to call on every change, begins to call it; what it returns ends that."""


class Deadline:
    """When a wait runs out; ``None`` seconds never do.

    Raises:
        UsageError: ``timeout_s`` is no number of seconds.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = seconds_of(timeout_s)
        self._end = None if self.timeout_s is None else time.monotonic() + self.timeout_s

    def slice_s(self) -> float:
        """How long to sleep before the next look."""
        return SLICE_S if self._end is None else max(0.0, min(SLICE_S, self._end - time.monotonic()))

    def left_s(self) -> float | None:
        """Seconds until it passes."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end


def seconds_of(timeout: object) -> float | None:
    """What a person gave as ``timeout``: any number, those of numpy and pandas included; ``None``: for ever.

    Raises:
        UsageError: it is no number of seconds.
    """
    if timeout is None:
        return None
    wrong = UsageError(f"timeout is {timeout!r}; it is a number of seconds, 0 or more, or None to wait for ever.")
    if isinstance(timeout, bool) or not isinstance(timeout, Real):
        raise wrong
    try:
        seconds = float(timeout)
    except OverflowError:
        seconds = -math.inf if timeout < 0 else math.inf
    if not seconds >= 0:  # what is no number either
        raise wrong
    return seconds


def in_seconds(timeout: float | None) -> str:
    """A timeout that has run out, in words."""
    return f"{seconds_of(timeout):g} s"


def wait_until(check: Callable[[], bool], arm: Arm, timeout_s: float | None) -> bool:
    """Block until ``check()``; ``False`` if the time ran out first."""
    deadline, woken = Deadline(timeout_s), threading.Event()
    disarm = arm(woken.set)
    try:
        while not check():
            if deadline.passed:
                return False
            woken.wait(deadline.slice_s())
            woken.clear()
        return True
    finally:
        disarm()


async def await_until(check: Callable[[], bool], arm: Arm, timeout_s: float | None) -> bool:
    """Await until ``check()``; ``False`` if the time ran out first.

    Nothing shared is awaited, so cancelling the waiting task cancels nothing else.
    """
    deadline, woken, loop = Deadline(timeout_s), asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the waiting loop has been closed meanwhile
            loop.call_soon_threadsafe(woken.set)

    disarm = arm(wake)
    try:
        while not check():
            if deadline.passed:
                return False
            # Not wait_for(): before Python 3.12 it forgets a cancellation that comes together with what it waits for,
            # and an interrupted cell would go on waiting.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline.slice_s()):
                    await woken.wait()
            woken.clear()
        return True
    finally:
        disarm()


def block_on(work: concurrent.futures.Future[T]) -> T:
    """The outcome of ``work``; an interrupt leaves it running."""
    while not work.done():
        with contextlib.suppress(concurrent.futures.TimeoutError, GatewayError):
            work.result(timeout=SLICE_S)
    return _outcome(work)


async def await_on(work: concurrent.futures.Future[T]) -> T:
    """The outcome of ``work``, which belongs to the caller alone: cancelling the caller cancels it."""

    def arm(wake: Wake) -> Callable[[], None]:
        work.add_done_callback(lambda _: wake())
        return lambda: None

    try:
        await await_until(work.done, arm, None)
    except asyncio.CancelledError:
        work.cancel()
        raise
    return _outcome(work)


def _outcome(work: concurrent.futures.Future[T]) -> T:
    """What became of ``work``, which is done; trouble with the gateway without the libraries' own tale of it: a page of
    frames from another thread would hide the sentence that says what to do."""
    try:
        return work.result()
    except GatewayError as error:
        raise error.with_traceback(None) from None
