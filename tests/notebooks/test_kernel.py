"""Interrupting a cell ends the cell: its kernel lives on, and so do the gateway that it started and the scan.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

TIMEOUT_S = 30.0
SETUP = """
import scanwatch
gateway = scanwatch.LocalGateway("memory:", shared=False)
client = scanwatch.connect(gateway)
scan = client.scan("sim://acme/payments?files=100&duration_s=5&seed=7")
"""


class Notebook:
    """A kernel, and what its cells print."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client

    def run(self, code: str) -> str:
        """Run a cell; what it prints."""
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self._client.execute_interactive(code, output_hook=hear, timeout=TIMEOUT_S)
        assert reply["content"]["status"] == "ok", reply["content"].get("evalue")
        return "".join(printed).strip()

    def interrupt(self, code: str) -> str:
        """Run a cell that does not end by itself, interrupt it, and return the name of the error it ends with."""
        message_id = self._client.execute(code, stop_on_error=False)
        self._wait_until_busy()
        time.sleep(0.3)
        self._manager.interrupt_kernel()
        reply = self._client.get_shell_msg(timeout=TIMEOUT_S)
        assert reply["parent_header"]["msg_id"] == message_id
        return str(reply["content"].get("ename"))

    def _wait_until_busy(self) -> None:
        while True:
            message = self._client.get_iopub_msg(timeout=TIMEOUT_S)
            if message["msg_type"] == "execute_input":
                return


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT_S)
        yield Notebook(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)
        manager.cleanup_resources()


def test_an_interrupted_cell_leaves_kernel_gateway_and_scan_alive(notebook: Notebook) -> None:
    notebook.run(SETUP)
    assert notebook.interrupt("while True: pass") == "KeyboardInterrupt"
    assert notebook.run("print(scan.status, client.connection.state)") == "in_progress live"
    ended = notebook.run("print(scan.wait(timeout=20).status, len(scan.events()) > 10); client.close(); gateway.stop()")
    assert ended == "completed True"
