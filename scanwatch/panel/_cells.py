"""The end of a cell: a panel whose scans have ended says so before it, for what comes later is not stored any more.

Whoever executes a notebook keeps what was sent until the last cell's end. The panel sends in its own time, so a last
cell that only waits for the scans could be over before their end was told.
"""

from __future__ import annotations

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


def _settle(_result: object = None) -> None:
    shared.wait_until(lambda: not any(panel.owes_an_end() for panel in list(_shown)), LIMIT_S)
