"""The scanner behind ``bench://``: it reports what the benchmark asks for, through everything a real scan's goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

import control

from scanwatch.model import Phase, Progress, ScanOutcome
from scanwatch.scanners import Report, Task

FILES = 100_000

Play = Callable[[str, Report], Awaitable[None]]


async def alone(scan_id: str, report: Report) -> None:
    """Report what is asked for of this one scan."""

    def emit(_scan: str, number: int, message: str) -> None:
        report(Progress(Phase.FETCH, number, FILES, artifacts_found=0, message=message))

    await control.obey(emit, [scan_id], scan_id)


play: Play = alone
"""How scans are played: replaced where the fan-out is measured alone (``hub.py``)."""


class BenchScanner:
    """A scan that lasts as long as the benchmark."""

    schemes: ClassVar[tuple[str, ...]] = ("bench",)

    async def scan(self, task: Task, report: Report) -> ScanOutcome:
        """Report until the benchmark ends."""
        await play(task.scan_id, report)
        return ScanOutcome()
