"""Clicks while a cell runs: kernels differ in when a front end's message reaches a widget, and two can be helped.

ipykernel 7 with a front end that uses subshells (JupyterLab) needs no help up to 7.3. Later ones send a widget's
messages to the thread of the cell that made it, where they wait for a cell that blocks. ipykernel 6 takes one message
after the other, so that they wait for a cell that awaits, too. Each step below is taken only where what it relies on
is found; without it a click waits for the cell, and the panel says so.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any


def take_clicks_while_a_cell_runs(comm: Any) -> None:
    """Have the messages of a panel's ``comm`` handled as early as its kernel can."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, chosen: chosen  # stay on the subshell that the front end chose
    kernel = getattr(comm, "kernel", None)
    if _takes_one_after_the_other(kernel):
        _ahead_of(kernel).comms[comm.comm_id] = comm


def _takes_one_after_the_other(kernel: Any) -> bool:
    """Whether all messages wait in one queue. A kernel with a thread for its shell channel may still have the queue,
    but reads nothing from it (ipykernel 7.0): what was put there would be lost, cells included.
    """
    if getattr(kernel, "shell_channel_thread", None) is not None:
        return False
    return all(getattr(kernel, name, None) is not None for name in ("msg_queue", "shell_stream", "schedule_dispatch"))


class _Ahead:
    """Takes from what arrives at an ipykernel 6 the clicks on panels; all else waits for its turn in the queue.

    Handled here, between two steps of a cell that awaits, a click may not print or display anything: it would be taken
    for the cell's. Panels hand their clicks over and return.
    """

    def __init__(self, kernel: Any) -> None:
        self.comms: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._kernel = kernel
        self._queue = partial(kernel.schedule_dispatch, kernel.dispatch_shell)
        kernel.io_loop.add_callback(kernel.shell_stream.on_recv, self._receive, copy=False)

    def _receive(self, frames: Any) -> None:
        try:
            _, parts = self._kernel.session.feed_identities(frames, copy=False)
            comm = self._clicked(parts)
        except (ValueError, AttributeError):
            comm = None  # not a message, which is the kernel's to say
        if comm is None:
            self._queue(frames)
            return
        message = self._kernel.session.deserialize(parts, copy=False)
        self._say("busy", message)
        try:
            comm.handle_msg(message)
        finally:
            self._say("idle", message)

    def _clicked(self, parts: Any) -> Any:
        """The comm of the panel that a message is a click on; ``None`` for every other message."""
        unpack = self._kernel.session.unpack
        _signature, header, _parent, _metadata, content, *_ = (part.bytes for part in parts)
        if unpack(header).get("msg_type") != "comm_msg":
            return None
        said = unpack(content)
        return self.comms.get(said.get("comm_id")) if said.get("data", {}).get("method") == "custom" else None

    def _say(self, state: str, message: Any) -> None:
        """What every message is answered with: that it was taken up, and that it is done."""
        status = {"execution_state": state}
        self._kernel.session.send(self._kernel.iopub_socket, "status", status, parent=message["header"])


_ahead: weakref.WeakKeyDictionary[Any, _Ahead] = weakref.WeakKeyDictionary()


def _ahead_of(kernel: Any) -> _Ahead:
    """The one for this kernel; it is never taken back, as it does nothing without panels."""
    if kernel not in _ahead:
        _ahead[kernel] = _Ahead(kernel)
    return _ahead[kernel]
