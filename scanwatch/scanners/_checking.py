"""Asks a scanner whether a task can be right, before anybody waits for it."""

from __future__ import annotations

import logging

from ..errors import ScannerError, UsageError
from ._base import Task
from ._registry import scanner_for

_logger = logging.getLogger(__name__)


def check_task(task: Task) -> None:
    """Refuse a task whose scanner knows by its words alone that it cannot be done.

    Raises:
        UsageError: the scanner says so; in its words.
        UnknownTarget: no scanner takes the target.
    """
    scanner_class = scanner_for(task.target)
    if (check := getattr(scanner_class(), "check", None)) is None:
        return
    try:
        check(task)
    except ScannerError as error:
        raise UsageError(str(error)) from None
    except Exception:
        _logger.exception("Scanner %s could not check a task; the scan itself will tell", scanner_class.__qualname__)
