"""What a panel does about cells: at the end of one it says that scans have ended, for later nothing is stored.

Whoever executes a notebook keeps what was sent for a cell until that cell's end. The panel sends in its own time, so a
last cell that only waits for the scans could be over before their end was told; and it sends from its own thread, of
which one kernel does not know for which cell it speaks.
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
_last_cells: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
"""The message that began a shell's last cell; only where the kernel does not find it by itself."""


def tell_the_end_with_the_cell(panel: Ending, shell: Any) -> None:
    """From now on every cell of ``shell`` (IPython's, or ``None``) ends after what ``panel`` owes of ended scans."""
    if shell is None:
        return
    _shown.add(panel)
    if shell not in _shells:
        _shells.add(shell)
        _note_the_cell_of(shell)
        shell.events.register("pre_run_cell", lambda _info: _note_the_cell_of(shell))
        shell.events.register("post_run_cell", _settle)


def speak_for_the_last_cell(shell: Any) -> None:
    """Let this thread send as part of the cell that began last, which every kernel but ipykernel 7.0 sees to itself."""
    spoken_for = _looked_up_by_thread(shell)
    if spoken_for is not None:
        spoken_for.set(_last_cells.get(shell, {}))


def _looked_up_by_thread(shell: Any) -> contextvars.ContextVar[dict[str, Any]] | None:
    """Where the kernel looks up which cell a thread speaks for, and finds none in a thread that is not its own."""
    kernel = getattr(shell, "kernel", None)
    variable = getattr(kernel, "_shell_parent", None)
    falls_back = hasattr(kernel, "_shell_context")  # since 7.1
    return variable if isinstance(variable, contextvars.ContextVar) and not falls_back else None


def _note_the_cell_of(shell: Any) -> None:
    spoken_for = _looked_up_by_thread(shell)
    if spoken_for is not None:
        _last_cells[shell] = spoken_for.get({})


def _settle(_result: object = None) -> None:
    shared.wait_until(lambda: not any(panel.owes_an_end() for panel in list(_shown)), LIMIT_S)
