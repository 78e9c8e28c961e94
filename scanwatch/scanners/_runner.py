"""Runs one attempt of any scanner: a coroutine beside the worker, or a blocking one in a child process."""

from __future__ import annotations

import asyncio
import inspect
import logging

from ..errors import ScannerError
from ..model import ScanOutcome
from ._base import Report, Scanner, Task
from ._child_process import scan_in_child

_logger = logging.getLogger(__name__)


async def run_attempt(
    scanner_class: type[Scanner], task: Task, report: Report, *, report_interval_s: float = 0.0
) -> ScanOutcome:
    """Run one attempt; cancelling this ends it, a child process within a second.

    ``report_interval_s`` lets a child process hold back reports that would be dropped anyway; the first and last
    of a phase always come.

    Raises:
        ScannerError: the attempt failed. Whatever else a scanner raises becomes one with code ``internal``.
    """
    try:
        if inspect.iscoroutinefunction(scanner_class.scan):
            return await _in_this_process(scanner_class, task, report)
        return await scan_in_child(scanner_class, task, report, report_interval_s=report_interval_s)
    except ScannerError:
        raise
    except asyncio.CancelledError:
        me = asyncio.current_task()
        if me is None or me.cancelling():
            raise
        raise ScannerError("The scanner gave up: something it waited for was cancelled.") from None
    except (Exception, SystemExit) as error:
        _logger.exception("Scanner %s raised while it scanned %s", scanner_class.__qualname__, task.scan_id)
        raise ScannerError(f"{type(error).__name__}: {error}") from error


async def _in_this_process(scanner_class: type[Scanner], task: Task, report: Report) -> ScanOutcome:
    answer = scanner_class().scan(task, report)
    assert not isinstance(answer, ScanOutcome)
    outcome: object = await answer
    if not isinstance(outcome, ScanOutcome):
        name = scanner_class.__qualname__
        raise ScannerError(f"{name}.scan returned {type(outcome).__name__}, not a ScanOutcome.", retryable=False)
    return outcome
