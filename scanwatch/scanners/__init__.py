"""Scanners: what can be scanned, and how. Strangers' scanners register as ours do (see ``_base``)."""

from __future__ import annotations

from ._base import Report, Scanner, Task
from ._checking import check_task
from ._registry import Registry, installed_scanners, scanner_for
from ._target import options_of, scheme_of, split_target

__all__ = [
    "Registry",
    "Report",
    "Scanner",
    "Task",
    "check_task",
    "installed_scanners",
    "options_of",
    "scanner_for",
    "scheme_of",
    "split_target",
]
