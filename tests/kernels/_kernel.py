"""A kernel as a front end uses it: cells, interrupts, restarts, and clicks on a panel."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.kernels._environments import spec_name, specs

TIMEOUT_S = 30.0

Message = dict[str, Any]


class Kernel:
    """A running kernel of one version, and what it said on the channel that every front end hears."""

    def __init__(self, version: str, **environment: str) -> None:
        self.version = version
        self._environment = environment
        self._manager = KernelManager(kernel_name=spec_name(version), kernel_spec_manager=specs())
        self.heard: list[Message] = []

    def start(self) -> None:
        self._manager.start_kernel(env=self._environment)
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=TIMEOUT_S)

    def restart(self) -> None:
        """As the front end's button does: the process is killed, its memory is gone."""
        self._manager.restart_kernel(now=True, env=self._environment)
        self._client.wait_for_ready(timeout=TIMEOUT_S)

    def stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def run(self, code: str) -> str:
        """Run a cell to its end; what it printed."""
        cell = self._client.execute(code, stop_on_error=False)
        content = self.reply(cell)
        assert content["status"] == "ok", content
        self.hear(lambda message: _is_status(message, "idle") and parent_of(message) == cell)
        return "".join(
            message["content"]["text"]
            for message in self.heard
            if message["msg_type"] == "stream" and parent_of(message) == cell
        ).strip()

    def begin(self, code: str) -> str:
        """Begin a cell and return once it runs; its message's id."""
        # stop_on_error=False: else the kernel may still refuse cells for a moment after an interrupted one.
        cell = self._client.execute(f"print('begun', flush=True)\n{code}", stop_on_error=False)
        self.hear(lambda message: message["content"].get("text", "").startswith("begun") and parent_of(message) == cell)
        return cell

    def reply(self, cell: str) -> dict[str, Any]:
        """Wait for the end of a cell; the content of its reply."""
        content: dict[str, Any] = self._client._recv_reply(cell, timeout=TIMEOUT_S)["content"]
        return content

    def interrupt(self, cell: str) -> str:
        """Interrupt a cell; the name of the error it ends with."""
        self._manager.interrupt_kernel()
        return str(self.reply(cell).get("ename"))

    def hear(self, wanted: Callable[[Message], bool], timeout_s: float = TIMEOUT_S) -> Message:
        """Listen until a message is ``wanted``; those before it are in ``heard`` as well."""
        while True:
            message: Message = self._client.get_iopub_msg(timeout=timeout_s)
            self.heard.append(message)
            if wanted(message):
                return message

    def hear_the_rest(self) -> None:
        """Listen to what has been said already."""
        with suppress(Empty):
            while True:
                self.heard.append(self._client.get_iopub_msg(timeout=0.05))

    def has_ended(self, cell: str) -> bool:
        """Whether a cell's end has been told."""
        self.hear_the_rest()
        return self._was_told("idle", cell)

    def hear_both_states_of(self, message_id: str) -> None:
        """Listen until the kernel has said that it took up a message and that it is done with it."""
        while not (self._was_told("busy", message_id) and self._was_told("idle", message_id)):
            self.hear(lambda message: parent_of(message) == message_id)

    def news_of(self, model: str) -> list[Message]:
        """What was heard of a widget's model."""
        return [
            message
            for message in self.heard
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == model
        ]

    def new_subshell(self) -> str | None:
        """A subshell, as JupyterLab asks for one to send all widgets' messages to; ``None`` where there are none."""
        features = self._client.kernel_info(reply=True, timeout=TIMEOUT_S)["content"].get("supported_features", [])
        if "kernel subshells" not in features:
            return None
        request = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(request)
        reply = self._client._recv_reply(request["header"]["msg_id"], timeout=TIMEOUT_S, channel="control")
        return str(reply["content"]["subshell_id"])

    def click(self, model: str, wish: str, scan_id: str, subshell: str | None = None) -> str:
        """Send what the panel's browser side sends on a click; the message's id."""
        content = {"method": "custom", "content": {"do": wish, "scan_id": scan_id}}
        message = self._client.session.msg("comm_msg", {"comm_id": model, "data": content})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _was_told(self, state: str, message_id: str) -> bool:
        return any(_is_status(message, state) and parent_of(message) == message_id for message in self.heard)


def until(true: Callable[[], bool]) -> None:
    """Wait until it is ``true``."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def parent_of(message: Message) -> str | None:
    """The message that caused this one: a cell, a click, or none."""
    caused_by: str | None = message["parent_header"].get("msg_id")
    return caused_by


def _is_status(message: Message, state: str) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == state
