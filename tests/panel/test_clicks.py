"""Which kernels a panel helps to hear clicks while a cell awaits, and which it leaves alone.

The kernels themselves are in ``tests/kernels``.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scanwatch.panel._clicks import take_clicks_while_a_cell_runs


class Comm:
    comm_id = "a panel's"

    def __init__(self, **of_the_kernel: Any) -> None:
        self.listeners: list[Any] = []
        stream = SimpleNamespace(on_recv=lambda listener, copy: self.listeners.append(listener))
        loop = SimpleNamespace(add_callback=lambda call, *words, **options: call(*words, **options))
        self.kernel = Kernel()
        self.kernel.__dict__.update({"shell_stream": stream, "io_loop": loop} | of_the_kernel)


class Kernel(SimpleNamespace):
    __hash__ = object.__hash__

    def dispatch_shell(self) -> None: ...

    def schedule_dispatch(self) -> None: ...


@pytest.mark.parametrize(
    ("found", "helped"),
    [
        ({"msg_queue": "read"}, True),
        ({"msg_queue": "read", "shell_channel_thread": None}, True),
        ({"msg_queue": "read by nobody", "shell_channel_thread": "a thread"}, False),
        ({}, False),
    ],
    ids=["6", "7.0 without subshells", "7.0", "7.1 and later"],
)
def test_clicks_pass_other_messages_only_in_a_queue_that_the_kernel_reads(found: dict[str, str], helped: bool) -> None:
    comm = Comm(**found)
    take_clicks_while_a_cell_runs(comm)
    assert bool(comm.listeners) is helped
