"""The handle of a scan: a live reference that can be read at any time, and waited for. Two faces, the same names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..errors import ScanError
from ..model import Event, ScanOutcome, ScanResult
from ._state import EventQueue, ScanState
from ._waiting import await_on, await_until, block_on, wait_until

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Scan(ScanState):
    """A scan, as ``client.scan()`` returns it: its attributes are live, its methods block.

    ::

        scan.status, scan.progress_percent, scan.eta_s    how it stands
        scan.wait(timeout=60)                             until it ends, however
        scan.result()                                     the same, and raises where it did not complete
        scan.artifacts(), scan.findings(), scan.events()  what it left, as pandas tables
        scan.cancel(), scan.retry()

    ``await scan`` and ``async for event in scan`` work too, so that a notebook's cell can wait without blocking.
    """

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end, whatever it is, and return this handle.

        Interrupting it stops only the waiting.

        Args:
            timeout: seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: the time ran out; the message says whether the scan is known to go on.
            UsageError: ``timeout`` is no number of seconds.
            NotFound: the gateway knows the scan no more.
            ConnectionClosed: the client was closed meanwhile.
        """
        self._check_settled(wait_until(self._settled, self._arm, timeout), timeout)
        return self

    def result(self, timeout: float | None = None) -> ScanResult:
        """Wait for the end and return the result.

        Raises:
            ScanFailed: it failed; ``.attempts`` tells how.
            ScanCancelled: it was cancelled.
            TimeoutError: the time ran out; as :meth:`wait`.
        """
        return self.wait(timeout)._result()

    def exception(self, timeout: float | None = None) -> ScanError | None:
        """Wait for the end and return what :meth:`result` would raise; ``None`` if it completed.

        Raises:
            TimeoutError: the time ran out; as :meth:`wait`.
        """
        return self.wait(timeout)._exception()

    def cancel(self) -> None:
        """Ask the scan to stop; it is ``cancelling`` until the worker confirms. Harmless when repeated or too late.

        A scan that is about to complete may complete all the same.

        Raises:
            NotSupported: this gateway cannot cancel.
        """
        self._block(lambda: self._core.cancel(self._id))

    def retry(self) -> Scan:
        """Start a new scan of the same target with the same options; its handle.

        Raises:
            NotSupported: this gateway cannot retry; ``client.scan(target)`` starts a new one.
            GatewayAnswerError: the scan has not ended yet.
        """
        return Scan(self._core, self._block(lambda: self._core.retry(self._id)))

    def refresh(self) -> Self:
        """Read the gateway's record now, without waiting for events."""
        self._block(lambda: self._core.refresh(self._id))
        return self

    def stream(self, timeout: float | None = None) -> Iterator[Event]:
        """Every event in order, from the first on, until the scan ends.

        Args:
            timeout: seconds to wait for the next event.

        Raises:
            TimeoutError: no event came in time; the scan goes on.
        """
        queue = EventQueue(self._core, self._id)
        try:
            while self._next_is_there(wait_until(queue.ready, self._arm, timeout), queue, timeout):
                yield queue.events.popleft()
        finally:
            queue.tap.close()

    def events(self) -> pd.DataFrame:
        """The history so far, one row an event (``seq``, ``time``, ``phase`` ...)."""
        from ..tables import events_table

        return self._marked(events_table(self._block(lambda: self._core.history(self._id))))

    def artifacts(self) -> pd.DataFrame:
        """The artifacts the scan found, one row each."""
        from ..tables import artifacts_table

        return self._marked(artifacts_table(self._block(lambda: self._core.artifacts(self._id))))

    def findings(self) -> pd.DataFrame:
        """What the rules have to say, one row a finding."""
        from ..tables import findings_table

        return self._marked(findings_table(self._block(lambda: self._core.findings(self._id))))

    def annotations(self) -> pd.DataFrame:
        """The ids that tags in source files name, one row each."""
        from ..tables import annotations_table

        return self._marked(annotations_table(self._block(lambda: self._core.annotations(self._id))))

    def evidence(self) -> pd.DataFrame:
        """The evidence, one row a piece, with whose signature it has and whether it holds."""
        from ..tables import evidence_table

        return self._marked(evidence_table(self._block(lambda: self._core.evidence(self._id))))

    def traceability(self) -> pd.DataFrame:
        """Every path from a requirement to evidence, one row each: what is designed, and what is verified."""
        from ..tables import traceability_table

        found = self._lineage()
        return self._marked(traceability_table(found.artifacts, found.evidence))

    def coverage(self, by: str = "risk") -> pd.DataFrame:
        """How much of the requirements is designed and verified, HIGH first.

        Args:
            by: what has a row for each tier: each ``"risk"``, or each ``"requirement"``.

        Raises:
            UsageError: ``by`` is neither.
        """
        from ..tables import coverage_table

        found = self._lineage()
        return self._marked(coverage_table(found.artifacts, found.evidence, by))

    def risks(self) -> pd.DataFrame:
        """The risk register, one row an entry."""
        from ..tables import risks_table

        return self._marked(risks_table(self._block(lambda: self._core.artifacts(self._id))))

    def compare(self, other: Scan) -> pd.DataFrame:
        """What is different in ``other``, an older or newer scan, one row for each difference; none if all is equal.

        Raises:
            UsageError: one of them has not completed, so that everything would be different; or ``other`` is no handle.
        """
        from ..tables import comparison_table

        self._check_comparable(other)
        return self._compared(comparison_table(self._judged(), other._judged()), other)

    def _lineage(self) -> ScanOutcome:
        return self._block(lambda: self._core.lineage(self._id))

    def _judged(self) -> ScanOutcome:
        return self._block(lambda: self._core.judged(self._id))

    def __await__(self) -> Generator[Any, None, ScanResult]:
        return _result(self, None).__await__()

    def __aiter__(self) -> AsyncIterator[Event]:
        return _stream(self, None)

    def _block(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return block_on(self._core.submit(work))


class AsyncScan(ScanState):
    """A scan, as ``AsyncClient.scan()`` returns it: as :class:`Scan`, with methods to await."""

    async def wait(self, timeout: float | None = None) -> Self:  # noqa: ASYNC109 the same words as Scan.wait
        """Wait for the end, whatever it is, and return this handle; as :meth:`Scan.wait`."""
        await _wait(self, timeout)
        return self

    async def result(self, timeout: float | None = None) -> ScanResult:  # noqa: ASYNC109
        """Wait for the end and return the result, or raise; as :meth:`Scan.result`."""
        return await _result(self, timeout)

    async def exception(self, timeout: float | None = None) -> ScanError | None:  # noqa: ASYNC109
        """Wait for the end and return what :meth:`result` would raise; as :meth:`Scan.exception`."""
        await _wait(self, timeout)
        return self._exception()

    async def cancel(self) -> None:
        """Ask the scan to stop; as :meth:`Scan.cancel`."""
        await self._on_loop(lambda: self._core.cancel(self._id))

    async def retry(self) -> AsyncScan:
        """Start a new scan of the same target; as :meth:`Scan.retry`."""
        return AsyncScan(self._core, await self._on_loop(lambda: self._core.retry(self._id)))

    async def refresh(self) -> Self:
        """Read the gateway's record now; as :meth:`Scan.refresh`."""
        await self._on_loop(lambda: self._core.refresh(self._id))
        return self

    def stream(self, timeout: float | None = None) -> AsyncIterator[Event]:
        """Every event in order, until the scan ends; as :meth:`Scan.stream`, for ``async for``."""
        return _stream(self, timeout)

    async def events(self) -> pd.DataFrame:
        """The history so far; as :meth:`Scan.events`."""
        from ..tables import events_table

        return self._marked(events_table(await self._on_loop(lambda: self._core.history(self._id))))

    async def artifacts(self) -> pd.DataFrame:
        """The artifacts the scan found; as :meth:`Scan.artifacts`."""
        from ..tables import artifacts_table

        return self._marked(artifacts_table(await self._on_loop(lambda: self._core.artifacts(self._id))))

    async def findings(self) -> pd.DataFrame:
        """What the rules have to say; as :meth:`Scan.findings`."""
        from ..tables import findings_table

        return self._marked(findings_table(await self._on_loop(lambda: self._core.findings(self._id))))

    async def annotations(self) -> pd.DataFrame:
        """The ids that tags in source files name; as :meth:`Scan.annotations`."""
        from ..tables import annotations_table

        return self._marked(annotations_table(await self._on_loop(lambda: self._core.annotations(self._id))))

    async def evidence(self) -> pd.DataFrame:
        """The evidence, one row a piece; as :meth:`Scan.evidence`."""
        from ..tables import evidence_table

        return self._marked(evidence_table(await self._on_loop(lambda: self._core.evidence(self._id))))

    async def traceability(self) -> pd.DataFrame:
        """Every path from a requirement to evidence; as :meth:`Scan.traceability`."""
        from ..tables import traceability_table

        found = await self._lineage()
        return self._marked(traceability_table(found.artifacts, found.evidence))

    async def coverage(self, by: str = "risk") -> pd.DataFrame:
        """How much of the requirements is designed and verified; as :meth:`Scan.coverage`."""
        from ..tables import coverage_table

        found = await self._lineage()
        return self._marked(coverage_table(found.artifacts, found.evidence, by))

    async def risks(self) -> pd.DataFrame:
        """The risk register; as :meth:`Scan.risks`."""
        from ..tables import risks_table

        return self._marked(risks_table(await self._on_loop(lambda: self._core.artifacts(self._id))))

    async def compare(self, other: AsyncScan) -> pd.DataFrame:
        """What is different in ``other``; as :meth:`Scan.compare`."""
        from ..tables import comparison_table

        self._check_comparable(other)
        return self._compared(comparison_table(await self._judged(), await other._judged()), other)

    async def _lineage(self) -> ScanOutcome:
        return await self._on_loop(lambda: self._core.lineage(self._id))

    async def _judged(self) -> ScanOutcome:
        return await self._on_loop(lambda: self._core.judged(self._id))

    def __await__(self) -> Generator[Any, None, ScanResult]:
        return _result(self, None).__await__()

    def __aiter__(self) -> AsyncIterator[Event]:
        return _stream(self, None)

    async def _on_loop(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await await_on(self._core.submit(work))


async def _wait(scan: ScanState, timeout: float | None) -> None:  # noqa: ASYNC109
    scan._check_settled(await await_until(scan._settled, scan._arm, timeout), timeout)


async def _result(scan: ScanState, timeout: float | None) -> ScanResult:  # noqa: ASYNC109
    await _wait(scan, timeout)
    return scan._result()


async def _stream(scan: ScanState, timeout: float | None) -> AsyncIterator[Event]:  # noqa: ASYNC109
    queue = EventQueue(scan._core, scan.id)
    try:
        while scan._next_is_there(await await_until(queue.ready, scan._arm, timeout), queue, timeout):
            yield queue.events.popleft()
    finally:
        queue.tap.close()
