"""Waiting for several scans at once."""

from __future__ import annotations

import concurrent.futures
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from ..errors import UsageError
from ..model import ScanStatus
from ._batch import BatchState
from ._handle import Scan
from ._listeners import End
from ._state import ScanState, what_is_known
from ._waiting import Deadline, Wake, await_until, in_seconds, wait_until

ALL_COMPLETED = concurrent.futures.ALL_COMPLETED
FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION

S = TypeVar("S", bound=ScanState)


class DoneAndNotDone(NamedTuple):
    """What :func:`wait` returns."""

    done: set[Scan]
    not_done: set[Scan]


def wait(scans: Iterable[Scan], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone:
    """Wait for several scans; which of them have ended, and which have not.

    Args:
        scans: handles of scans, or a batch; of a batch, those are meant too that have yet to be started.
        timeout: seconds; when they have passed, what there is is returned.
        return_when: ``ALL_COMPLETED`` (every one has ended), ``FIRST_COMPLETED`` (one has), or ``FIRST_EXCEPTION``
            (one has failed or was cancelled, or every one has ended).

    Raises:
        UsageError: ``return_when`` is none of these, ``timeout`` no number of seconds, or one of ``scans`` no handle.
    """
    rules: dict[str, Callable[[Scan], bool]] = {
        ALL_COMPLETED: lambda _: False,
        FIRST_COMPLETED: lambda scan: scan.done(),
        FIRST_EXCEPTION: lambda scan: scan.done() and scan.status is not ScanStatus.COMPLETED,
    }
    if return_when not in rules:
        raise UsageError(f"return_when is {return_when!r}; it can be {', '.join(rules)}.")
    enough, ends = rules[return_when], Ends(scans, "wait")

    def settled() -> bool:
        while ends.ended:
            if enough(ends.ended.popleft()):
                return True
        return ends.exhausted

    try:
        wait_until(settled, ends.arm, timeout)
    finally:
        ends.close()
    done = {scan for scan in ends.scans if scan.done()}
    return DoneAndNotDone(done, set(ends.scans) - done)


class as_completed(Generic[S]):  # noqa: N801 used like the function of the same name in concurrent.futures
    """The scans in the order in which they end, for ``for``, ``async for`` and ``next()``.

    Args:
        scans: handles of scans, of either face, or a batch.
        timeout: seconds from now until the last of them has to have ended.

    Raises:
        UsageError: ``timeout`` is no number of seconds, or one of ``scans`` no handle.
        TimeoutError: while iterating, when the time has run out.
    """

    def __init__(self, scans: Iterable[S] | BatchState[S], timeout: float | None = None) -> None:
        self._deadline = Deadline(timeout)
        self._ends = Ends(scans, "as_completed")

    def __iter__(self) -> Iterator[S]:
        return self

    def __next__(self) -> S:
        scan = self._next(wait_until(self._ready, self._ends.arm, self._deadline.left_s()))
        if scan is None:
            raise StopIteration
        return scan

    def __aiter__(self) -> AsyncIterator[S]:
        return self

    async def __anext__(self) -> S:
        scan = self._next(await await_until(self._ready, self._ends.arm, self._deadline.left_s()))
        if scan is None:
            raise StopAsyncIteration
        return scan

    def __del__(self) -> None:
        if hasattr(self, "_ends"):  # not if the arguments were refused
            self._ends.close()

    def _ready(self) -> bool:
        return bool(self._ends.ended) or self._ends.exhausted

    def _next(self, in_time: bool) -> S | None:
        """The next that has ended; ``None`` after the last."""
        if not in_time:
            known = self._ends.what_is_known()
            raise TimeoutError(f"{self._ends.left()} within {in_seconds(self._deadline.timeout_s)}{known}.")
        if not self._ends.ended:
            self._ends.close()
            return None
        ended = self._ends.ended.popleft()
        ended._check_settled(True, None)
        return ended


class Ends(Generic[S]):
    """Some scans, or a batch's, each noted in ``ended`` once waiting for it has come to an end."""

    def __init__(self, scans: Iterable[S] | BatchState[S], function: str) -> None:
        self.ended: deque[S] = deque()
        self.scans: list[S] = []
        self._batch = scans if isinstance(scans, BatchState) else None
        self._open: set[S] = set()
        self._lock = threading.Lock()
        self._armed: list[End] = []
        self._wake: Wake = _wake_nobody
        if not isinstance(scans, BatchState):
            self._follow(_handles(scans, function))
        else:
            self._armed.append(scans._arm(self._look_for_more))
            self._look_for_more()

    @property
    def exhausted(self) -> bool:
        """Whether no more will be noted."""
        all_known = self._batch is None or self._batch._starts_no_more_than(len(self.scans))
        return all_known and not self._open

    def left(self) -> str:
        """How many have not ended, in words."""
        if self._batch is not None:
            return self._batch._left()
        return f"{len(self._open)} of {len(self.scans)} scans have not ended"

    def what_is_known(self) -> str:
        """How a sentence about them goes on when time ran out."""
        known = next(iter(self.scans), None)
        return "" if known is None else what_is_known(known._core, "they go on")

    def arm(self, wake: Wake) -> End:
        """Wake whenever one is noted, or no more will be."""
        self._wake = wake
        return self._disarm

    def close(self) -> None:
        """Note no more; harmless when repeated."""
        while self._armed:
            self._armed.pop()()

    def _disarm(self) -> None:
        self._wake = _wake_nobody

    def _look_for_more(self) -> None:
        if self._batch is not None:
            self._follow(self._batch.scans)
        self._wake()

    def _follow(self, scans: Sequence[S]) -> None:
        with self._lock:
            fresh = scans[len(self.scans) :]
            self._open.update(fresh)
            self.scans += fresh
        for scan in fresh:
            look = partial(self._look, scan)
            self._armed.append(scan._arm(look))
            look()

    def _look(self, scan: S) -> None:
        if not scan._settled():
            return
        with self._lock:
            if scan not in self._open:
                return
            self.ended.append(scan)
            self._open.remove(scan)
        self._wake()


def _handles(scans: Iterable[S], function: str) -> list[S]:
    """The handles given, each once."""
    given = list(scans) if isinstance(scans, Iterable) else []
    if not isinstance(scans, Iterable) or not all(isinstance(scan, ScanState) for scan in given):
        raise UsageError(f"{function}() takes scans as a list of their handles, or a batch of them, not {scans!r}.")
    return list(dict.fromkeys(given))


def _wake_nobody() -> None:
    """Nobody waits at the moment."""
