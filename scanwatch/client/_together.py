"""Waiting for several scans at once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from ..errors import UsageError
from ..model import ScanStatus
from ._handle import Scan
from ._listeners import End
from ._state import ScanState
from ._waiting import Deadline, Wake, await_until, wait_until

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
        scans: handles of scans.
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
    watched, enough = _handles(scans, "wait"), rules[return_when]

    def settled() -> bool:
        return all(scan._settled() for scan in watched) or any(enough(scan) for scan in watched)

    wait_until(settled, _arm_all(watched), timeout)
    done = {scan for scan in watched if scan.done()}
    return DoneAndNotDone(done, set(watched) - done)


class as_completed(Generic[S]):  # noqa: N801 used like the function of the same name in concurrent.futures
    """The scans in the order in which they end, for ``for`` and ``async for``.

    Args:
        scans: handles of scans, of either face.
        timeout: seconds from now until the last of them has to have ended.

    Raises:
        UsageError: ``timeout`` is no number of seconds, or one of ``scans`` no handle.
        TimeoutError: while iterating, when the time has run out.
    """

    def __init__(self, scans: Iterable[S], timeout: float | None = None) -> None:
        self._waiting = _handles(scans, "as_completed")
        self._deadline = Deadline(timeout)

    def __iter__(self) -> Iterator[S]:
        while self._waiting:
            yield self._next(wait_until(self._any, _arm_all(self._waiting), self._deadline.left_s()))

    async def __aiter__(self) -> AsyncIterator[S]:
        while self._waiting:
            yield self._next(await await_until(self._any, _arm_all(self._waiting), self._deadline.left_s()))

    def _any(self) -> bool:
        return any(scan._settled() for scan in self._waiting)

    def _next(self, in_time: bool) -> S:
        if not in_time:
            known = self._waiting[0]._what_is_known("they go on")
            raise TimeoutError(
                f"{len(self._waiting)} scans have not ended within {self._deadline.timeout_s:g} s{known}."
            )
        ended = next(scan for scan in self._waiting if scan._settled())
        ended._check_settled(True, None)
        self._waiting.remove(ended)
        return ended


def _handles(scans: Iterable[S], function: str) -> list[S]:
    """The handles given, each once."""
    given = list(scans) if isinstance(scans, Iterable) else []
    if not isinstance(scans, Iterable) or not all(isinstance(scan, ScanState) for scan in given):
        raise UsageError(f"{function}() takes scans as a list of their handles, not {scans!r}.")
    return list(dict.fromkeys(given))


def _arm_all(scans: Iterable[ScanState]) -> Callable[[Wake], End]:
    def arm(wake: Wake) -> End:
        ends = [scan._arm(wake) for scan in scans]

        def disarm() -> None:
            for end in ends:
                end()

        return disarm

    return arm
