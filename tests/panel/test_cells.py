"""What a panel's own thread needs of the kernels it runs in.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from scanwatch.panel._cells import speak_for_the_last_cell, tell_the_end_with_the_cell


class Shell:
    """As in ipykernel 7.0: what a thread speaks for is looked up in its context, and asking an empty one fails."""

    def __init__(self, **kernel: Any) -> None:
        self.parent: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("parent")
        self.kernel = SimpleNamespace(_shell_parent=self.parent, **kernel)
        self.callbacks: list[Callable[[object], None]] = []
        self.events = SimpleNamespace(register=self._register)

    def _register(self, event: str, callback: Callable[[object], None]) -> None:
        if event == "pre_run_cell":
            self.callbacks.append(callback)

    def begin(self, cell: str) -> None:
        self.parent.set({"msg_id": cell})
        for callback in self.callbacks:
            callback(None)

    def sent_by_a_thread(self) -> dict[str, Any]:
        """What a message of the panel's thread says it belongs to."""

        def send() -> dict[str, Any]:
            speak_for_the_last_cell(self)
            return self.parent.get()

        return contextvars.Context().run(send)


class Shown:
    def owes_an_end(self) -> bool:
        return False


def test_a_panels_thread_speaks_for_the_cell_that_began_last() -> None:
    shell, panel = Shell(), Shown()
    shell.begin("that shows the panel")
    tell_the_end_with_the_cell(panel, shell)
    assert shell.sent_by_a_thread() == {"msg_id": "that shows the panel"}
    shell.begin("that waits")
    assert shell.sent_by_a_thread() == {"msg_id": "that waits"}


def test_a_panels_thread_can_send_before_any_cell_has_shown_it() -> None:
    assert Shell().sent_by_a_thread() == {}


def test_a_kernel_that_finds_the_cell_by_itself_is_left_alone() -> None:
    with pytest.raises(LookupError):
        Shell(_shell_context="from 7.1 on").sent_by_a_thread()


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=SimpleNamespace())])
def test_other_shells_are_left_alone(shell: object) -> None:
    speak_for_the_last_cell(shell)
