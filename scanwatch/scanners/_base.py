"""The plug-in contract: what a scanner is. Ours are written against it and nothing else.

A scanner is a class registered in the entry-point group ``scanwatch.scanners``::

    [project.entry-points."scanwatch.scanners"]
    mine = "my_package:MyScanner"

Its ``schemes`` say which targets it takes (``mine://...``). Write ``async def scan`` if it only waits: it runs as a
coroutine beside the gateway. Write ``def scan`` if it computes: it runs in a child process, one for each scan, so
it may block, and is ended when the scan is cancelled. Either way it gets a :class:`Task`, reports what it has
done as absolute numbers (as often as it likes: the worker coalesces), and returns a
:class:`~scanwatch.model.ScanOutcome` or raises :class:`~scanwatch.errors.ScannerError`. Nothing is stored before it
returns, so a failed or cancelled scan leaves nothing behind.

A scanner may also have ``def check(self, task: Task) -> None``, which raises ``ScannerError`` for a target or options
that cannot be right. It is asked on the gateway's event loop before a scan is accepted, so it looks at what it is given
and nothing else: no file, no network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ..model import Phase, Progress, ScanOutcome


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one scan. ``options`` come from the request; those in the target's query are not split off.

    ``scanwatch.scanners.options_of`` does that, for scanners whose query is options.
    """

    scan_id: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1


class Report(Protocol):
    """Takes what a scanner has to say; never blocks, never fails, except to stop a cancelled coroutine.

    A coroutine calls it on its event loop's thread, a blocking scanner from any thread.
    """

    def __call__(self, progress: Progress, /) -> None: ...


class Scanner(Protocol):
    """What the worker asks of a scanner; made anew, without arguments, for every attempt."""

    schemes: ClassVar[tuple[str, ...]]

    def scan(self, task: Task, report: Report) -> ScanOutcome | Awaitable[ScanOutcome]:
        """Scan ``task.target``, telling ``report`` how far it is.

        Raises:
            ScannerError: the scan cannot go on; the message is for the person who triggered it.
        """
        ...


__all__ = ["Phase", "Progress", "Report", "ScanOutcome", "Scanner", "Task"]
