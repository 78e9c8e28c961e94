"""What a panel does about cells: at the end of one it says that scans have ended, for later nothing is stored.

Whoever executes a notebook keeps what was sent until the last cell's end. The panel sends in its own time, so a last
cell that only waits for the scans could be over before their end was told.
"""

from __future__ import annotations

import contextvars
import weakref
from typing import Any, Protocol

from ._flusher import shared

LIMIT_S = 1.0
"""How long the end of a cell may be put off."""


class Ending(Protocol):
    """A panel, as the end of a cell sees it."""

    def owes_an_end(self) -> bool:
        """Whether all its scans have ended and not all of that was sent."""
        ...


_shown: weakref.WeakSet[Ending] = weakref.WeakSet()
_shells: weakref.WeakSet[Any] = weakref.WeakSet()


def tell_the_end_with_the_cell(panel: Ending, shell: Any) -> None:
    """From now on every cell of ``shell`` (IPython's, or ``None``) ends after what ``panel`` owes of ended scans."""
    if shell is None:
        return
    _shown.add(panel)
    if shell not in _shells:
        _shells.add(shell)
        shell.events.register("post_run_cell", _settle)


def speak_for_no_cell(shell: Any) -> None:
    """Let this thread send where a kernel looks up the cell that it speaks for and expects one (ipykernel 7.0)."""
    kernel: Any = getattr(shell, "kernel", None)
    spoken_for = getattr(kernel, "_shell_parent", None)
    if not isinstance(spoken_for, contextvars.ContextVar):
        return
    try:
        kernel.get_parent()
    except LookupError:
        spoken_for.set({})


def _settle(_result: object = None) -> None:
    shared.wait_until(lambda: not any(panel.owes_an_end() for panel in list(_shown)), LIMIT_S)
