"""Exit codes, and which error ends in which."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from ..errors import (
    GatewayAnswerError,
    GatewayError,
    NotSupported,
    ScanCancelled,
    ScanError,
    ScanwatchError,
    StoreUnavailable,
)
from ..model import ScanStatus


class Exit(IntEnum):
    """How a command ends."""

    COMPLETED = 0
    FAILED = 1
    WRONG_USE = 2
    CANCELLED = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


def of_error(error: ScanwatchError) -> Exit:
    """The exit code for what went wrong."""
    if isinstance(error, ScanCancelled):
        return Exit.CANCELLED
    if isinstance(error, ScanError):
        return Exit.FAILED
    if isinstance(error, NotSupported) or (isinstance(error, GatewayAnswerError) and error.status < 500):
        return Exit.WRONG_USE
    if isinstance(error, GatewayError | StoreUnavailable):
        return Exit.UNREACHABLE
    return Exit.WRONG_USE


def of_scans(statuses: Iterable[ScanStatus]) -> Exit:
    """The exit code for how the watched scans ended: a failure outweighs a cancelled one."""
    ended = set(statuses)
    if ended <= {ScanStatus.COMPLETED}:
        return Exit.COMPLETED
    return Exit.CANCELLED if ended <= {ScanStatus.COMPLETED, ScanStatus.CANCELLED} else Exit.FAILED
