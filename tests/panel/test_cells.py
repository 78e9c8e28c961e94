"""What a panel's own thread needs of the kernels it runs in.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import contextvars
from types import SimpleNamespace
from typing import Any

import pytest

from scanwatch.panel._cells import speak_for_no_cell


class Kernel:
    """As in ipykernel 7.0: a thread that no cell has started has no parent, and asking for it fails."""

    def __init__(self, **default: Any) -> None:
        self._shell_parent: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("parent", **default)

    def get_parent(self) -> dict[str, Any]:
        return self._shell_parent.get()


@pytest.mark.parametrize("kernel", [Kernel(), Kernel(default={})], ids=["expects a cell", "does not"])
def test_a_thread_that_speaks_for_no_cell_can_send(kernel: Kernel) -> None:
    def sends() -> dict[str, Any]:
        speak_for_no_cell(SimpleNamespace(kernel=kernel))
        return kernel.get_parent()

    assert contextvars.Context().run(sends) == {}


def test_the_cell_that_is_spoken_for_stays_so() -> None:
    kernel = Kernel()
    kernel._shell_parent.set({"header": "of a cell"})
    speak_for_no_cell(SimpleNamespace(kernel=kernel))
    assert kernel.get_parent() == {"header": "of a cell"}


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=SimpleNamespace())])
def test_other_shells_are_left_alone(shell: object) -> None:
    speak_for_no_cell(shell)
