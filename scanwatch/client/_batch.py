"""Many scans, so many at a time: the next target's scan starts when one of those before it has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Generic, NamedTuple, NoReturn, Self, TypeVar

from ..errors import GatewayAnswerError, GatewayUnreachable, ScanwatchError, UsageError
from ..model import ConnectionState
from ._core import Core, new_key
from ._handle import AsyncScan, Scan
from ._listeners import End, Listeners
from ._pace import Backoff
from ._state import ScanState, what_is_known
from ._target import Target, option_texts
from ._waiting import Wake, await_on, await_until, block_on, in_seconds, wait_until
from ._watched import Watched

S = TypeVar("S", bound=ScanState)
T = TypeVar("T")

MAX_IN_FLIGHT = 8
"""Scans of a batch that are under way at once, unless told otherwise: more would only wait in the gateway's queue."""

PATIENCE = 6
"""How often a gateway that is away is asked again before a target is given up; half a minute in all."""

_TOO_MANY_REQUESTS = 429
_CAN_START = frozenset({ConnectionState.LIVE, ConnectionState.POLLING})


class NotStarted(NamedTuple):
    """A target no scan was started of, and why."""

    target: Target
    error: ScanwatchError


class BatchState(Generic[S]):
    """What both kinds of batch share: what is read without asking anybody, and the starting, on the background loop."""

    def __init__(
        self,
        core: Core,
        handle: Callable[[Core, str], S],
        targets: Iterable[Target],
        max_in_flight: int,
        options: Mapping[str, object],
    ) -> None:
        self._core = core
        self._handle = handle
        self._targets = _targets(targets)
        self._most = _most(max_in_flight)
        self._options = option_texts(options)
        self._scans: list[S] = []
        self._errors: list[NotStarted] = []
        self._in_flight: dict[str, Watched] = {}
        self._complete = not self._targets
        self._bug: Exception | None = None
        self._told = Listeners()
        self._stopped = asyncio.Event()
        self._room = asyncio.Event()
        self._starting = asyncio.Lock()
        self._doubtful = False
        """Whether a request got no answer since the gateway last gave one."""
        core.submit(self._run)

    @property
    def scans(self) -> list[S]:
        """The handles of the scans that were started so far, in the order of their targets."""
        return list(self._scans)

    @property
    def errors(self) -> list[NotStarted]:
        """The targets no scan could be started of, each with its error; they stopped no other."""
        return list(self._errors)

    @property
    def not_started(self) -> list[Target]:
        """The targets whose turn has not come; after :meth:`close` or :meth:`cancel` it never will."""
        return self._targets[len(self._scans) + len(self._errors) :]

    def done(self) -> bool:
        """Whether no more will be started and every scan that was has ended."""
        return self._complete and not self._in_flight

    def close(self) -> None:
        """Start no more; the scans that were started go on. Harmless when repeated."""
        with suppress(ScanwatchError):  # a closed client starts nothing either
            self._core.call(self._stop)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._targets)} target{'' if len(self._targets) == 1 else 's'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A batch cannot be pickled: send the ids of its scans, and call client.attach(id) on the other side."
        )

    # -- on the background loop --------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Start one target's scan after another, each when there is room; then wait until all have ended."""
        end = self._core.listeners.on_any_change(self._look)
        try:
            for target in self._targets:
                async with self._starting:
                    if await self._may_start():
                        await self._start(target)
            self._complete = True
            self._tell()
            while self._in_flight and not self._core.session.ended:
                await self._wait_for_room()
        except Exception as error:
            self._bug = error
            raise
        finally:
            end()
            self._complete = True
            self._tell()

    async def _may_start(self) -> bool:
        """Wait for room and a connection; ``False`` if nothing is to be started any more."""
        while not self._stopped.is_set() and not self._core.session.ended:
            if len(self._in_flight) < self._most and self._core.session.connection.state in _CAN_START:
                return True
            await self._wait_for_room()
        return False

    async def _wait_for_room(self) -> None:
        self._room.clear()
        await self._room.wait()

    async def _start(self, target: Target) -> None:
        """Start a scan of ``target``, or note why there is none; what was only put off is not started."""
        key, backoff = new_key(), Backoff()
        while True:
            asked = False
            try:
                await self._check_answered()
                prepared = await self._core.prepare(target, self._options)
                asked = True
                scan_id = await self._core.trigger(*prepared, key)
            except ScanwatchError as error:
                self._doubtful = isinstance(error, GatewayUnreachable)
                if not _passes(error, asked and not self._core.may_repeat, backoff.tries):
                    self._errors.append(NotStarted(target, error))
                elif not await self._stopped_within(backoff.next_pause_s()) and await self._may_start():
                    continue
            else:
                self._in_flight[scan_id] = self._core.session.scans[scan_id]
                self._scans.append(self._handle(self._core, scan_id))
                self._look(scan_id)
            self._tell()
            return

    async def _check_answered(self) -> None:
        """Ask for nothing that may be lost while it is unknown whether the gateway answers at all.

        Raises:
            GatewayUnreachable: it does not. The push connection may not have noticed yet.
        """
        if self._doubtful:
            await self._core.check_reachable()
            self._doubtful = False

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        return self._stopped.is_set()

    def _look(self, scan_id: str | None) -> None:
        """A scan of the client's changed, or (``None``) the connection."""
        watched = None if scan_id is None else self._in_flight.get(scan_id)
        if watched is not None and not watched.live:
            self._in_flight.pop(str(scan_id))
        elif scan_id is not None:
            return
        self._room.set()
        self._tell()

    def _stop(self) -> None:
        self._stopped.set()
        self._room.set()

    async def _cancel(self) -> None:
        self._stop()
        async with self._starting:  # a start that is under way ends first, and its scan is cancelled with the others
            ids = list(self._in_flight)
        outcomes = await asyncio.gather(*map(self._core.cancel, ids), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _tell(self) -> None:
        self._told.changed(None)

    # -- for waiting -------------------------------------------------------------------------------------------

    def _arm(self, wake: Wake) -> End:
        """Wake whenever a scan was started or ended, or nothing more will be."""
        return self._told.on_any_change(lambda _: wake())

    def _settled(self) -> bool:
        return self.done() or self._core.forked or (self._complete and self._core.session.ended)

    def _more_than(self, count: int) -> bool:
        """Whether more than ``count`` scans were started, or will never be."""
        return self._complete or self._core.forked or len(self._scans) > count

    def _starts_no_more_than(self, count: int) -> bool:
        return self._complete and len(self._scans) == count

    def _left(self) -> str:
        left = len(self._in_flight) + len(self.not_started)
        return f"{left} of {len(self._targets)} scans have not ended"

    def _check_settled(self, in_time: bool, timeout: float | None) -> None:
        """Raises what keeps the batch from its end."""
        if self._bug is not None:
            raise self._bug
        if not in_time:
            known = what_is_known(self._core, "they go on")
            raise TimeoutError(f"{self._left()} within {in_seconds(timeout)}{known}.")
        self._check_started()
        if self._in_flight:
            self._core.check_open()

    def _check_started(self) -> None:
        """Raises why targets were left out, unless somebody wanted that."""
        if self.not_started and not self._stopped.is_set():
            self._core.check_open()


class Batch(BatchState[Scan]):
    """What ``client.scan_many()`` returns at once: the scans of many targets, started so many at a time.

    Iterating it gives the handles as their scans start, in the order of the targets. ``scanwatch.as_completed(batch)``
    gives them as they end, ``scanwatch.wait(batch)`` waits for them, ``client.watch(batch)`` shows them.
    """

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until every scan has been started and has ended, whatever its end, and return this batch.

        Args:
            timeout: seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: the time ran out; scans go on, and more are started.
            UsageError: ``timeout`` is no number of seconds.
            ConnectionClosed: the client was closed meanwhile.
        """
        self._check_settled(wait_until(self._settled, self._arm, timeout), timeout)
        return self

    def cancel(self) -> None:
        """Start no more, and ask those that run to stop. Harmless when repeated.

        Raises:
            NotSupported: this gateway cannot cancel; no more are started all the same.
        """
        self._block(self._cancel)

    def __iter__(self) -> Iterator[Scan]:
        count = 0
        while wait_until(partial(self._more_than, count), self._arm, None) and count < len(self._scans):
            yield self._scans[count]
            count += 1
        self._check_started()

    def _block(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return block_on(self._core.submit(work))


class AsyncBatch(BatchState[AsyncScan]):
    """What ``AsyncClient.scan_many()`` returns: as :class:`Batch`, with methods to await, for ``async for``."""

    async def wait(self, timeout: float | None = None) -> Self:  # noqa: ASYNC109 the same words as Batch.wait
        """Wait until every scan has been started and has ended; as :meth:`Batch.wait`."""
        self._check_settled(await await_until(self._settled, self._arm, timeout), timeout)
        return self

    async def cancel(self) -> None:
        """Start no more, and ask those that run to stop; as :meth:`Batch.cancel`."""
        await await_on(self._core.submit(self._cancel))

    async def __aiter__(self) -> AsyncIterator[AsyncScan]:
        count = 0
        while await await_until(partial(self._more_than, count), self._arm, None) and count < len(self._scans):
            yield self._scans[count]
            count += 1
        self._check_started()


def _passes(error: ScanwatchError, started: bool, tries: int) -> bool:
    """Whether trying again may help and starts no scan twice: the gateway was busy, or away.

    ``started``: it was asked, may have begun, and would not know the same request again.
    """
    if isinstance(error, GatewayAnswerError):
        return error.status == _TOO_MANY_REQUESTS
    return isinstance(error, GatewayUnreachable) and not started and tries < PATIENCE


def _targets(given: Iterable[Target]) -> list[Target]:
    if isinstance(given, str | bytes | os.PathLike):
        raise UsageError(f"scan_many() takes a list of targets; for one, call client.scan({given!r}).")
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise UsageError(f"scan_many() takes a list of targets (URLs or paths), not {given!r}.")
    targets = list(given)
    for target in targets:
        if not isinstance(target, str | os.PathLike):
            raise UsageError(f"A target is a URL or a path, not {target!r}.")
    return targets


def _most(given: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise UsageError(f"max_in_flight is {given!r}; it is how many scans may run at once, 1 or more.")
    return given
