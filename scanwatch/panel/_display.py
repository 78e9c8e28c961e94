"""Which form a panel takes where it is shown: the environment's say in it.

``SCANWATCH_DISPLAY``  ``auto`` (a widget in a notebook, text in a terminal), ``widget``, ``html``, ``text``, ``none``
``SCANWATCH_BLOCK``    ``1``: showing a panel waits until its scans have ended, 10 minutes at most, and shows the
                       finished table; any larger number: the same, with that many seconds at most
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..snapshot import Snapshot

MODES = ("auto", "widget", "html", "text", "none")
_BLOCK_LIMIT_S = 600.0
_SLICE_S = 0.2


def display_mode(environment: Mapping[str, str] = os.environ) -> str:
    """One of :data:`MODES` without ``auto``.

    Raises:
        UsageError: ``SCANWATCH_DISPLAY`` has another value.
    """
    mode = environment.get("SCANWATCH_DISPLAY", "").strip().lower() or "auto"
    if mode not in MODES:
        raise UsageError(f"SCANWATCH_DISPLAY is {mode!r}; it can be {', '.join(MODES[:-1])} or {MODES[-1]}.")
    if mode != "auto":
        return mode
    return "text" if _in_terminal() else "widget"


def running_shell() -> Any:
    """IPython's shell, or ``None``; never imports IPython, as only a loaded one can be running."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _in_terminal() -> bool:
    """Whether IPython runs without a kernel."""
    shell = running_shell()
    return shell is not None and getattr(shell, "kernel", None) is None


def block_limit_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How many seconds showing a panel may wait for the ends of its scans; ``None``: it does not wait.

    Raises:
        UsageError: ``SCANWATCH_BLOCK`` is not a number of seconds.
    """
    value = environment.get("SCANWATCH_BLOCK", "").strip()
    try:
        seconds = float(value or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):  # NaN too
        raise UsageError(f"SCANWATCH_BLOCK is {value!r}; it can be 0, 1, or a number of seconds to wait at most.")
    if seconds == 0:
        return None
    return _BLOCK_LIMIT_S if seconds == 1 else seconds


def block_until_ended(
    snapshots: Callable[[], Sequence[Snapshot]],
    limit_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until every scan has ended; ``False`` when ``limit_s`` seconds were not enough.

    It waits in short slices: an interrupt ends it at once.
    """
    deadline = clock() + limit_s
    while not all(snapshot.terminal for snapshot in snapshots()):
        left_s = deadline - clock()
        if left_s <= 0:
            return False
        sleep(min(_SLICE_S, left_s))
    return True
