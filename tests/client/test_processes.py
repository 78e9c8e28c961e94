"""In real processes an interrupt stops only the waiting, forgetting to close makes no noise, and kernels survive.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

import scanwatch
from scanwatch import ScanStatus
from scanwatch.testing import RunningGateway
from tests.client.test_live import TIMEOUT_S, until

ENDLESS = "sim://acme/slow?files=2000&duration_s=60&seed=7"


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupting_a_wait_stops_the_waiting_and_not_the_scan(
    gateway: RunningGateway, client: scanwatch.Client
) -> None:
    code = """
    import sys, scanwatch
    client = scanwatch.connect(sys.argv[1])
    scan = client.scan(sys.argv[2])
    print(scan.id, flush=True)
    try:
        scan.wait()
    except KeyboardInterrupt:
        print(scan.done(), flush=True)
    """
    process = run(code, gateway.url, ENDLESS)
    assert process.stdout is not None
    scan = client.attach(process.stdout.readline().strip())
    until(lambda: scan.status is ScanStatus.IN_PROGRESS)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (output.strip(), errors, process.returncode) == ("False", "", 0)
    assert scan.refresh().status is ScanStatus.IN_PROGRESS
    scan.cancel()
    scan.wait(TIMEOUT_S)


def test_a_client_that_nobody_closed_ends_without_noise(gateway: RunningGateway) -> None:
    code = """
    import sys, scanwatch
    client = scanwatch.connect(sys.argv[1])
    scan = client.scan(sys.argv[2])
    scan.on_event(lambda event: None)
    """
    output, errors = run(code, gateway.url, "sim://acme/payments?files=5&duration_s=0.1").communicate(timeout=20)
    assert (output, errors) == ("", "")


def test_names_are_there_to_be_completed_before_anything_is_loaded() -> None:
    code = """
    import sys, scanwatch
    assert dir(scanwatch) == sorted(scanwatch.__all__)
    assert all(hasattr(scanwatch, name) for name in scanwatch.__all__)
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not {"pandas", "aiohttp", "socketio", "anywidget"} & loaded, loaded
    """
    output, errors = run(code).communicate(timeout=30)
    assert (output, errors) == ("", "")


def test_the_export_list_is_exact() -> None:
    assert set(scanwatch.__all__) == {
        *("connect", "LocalGateway", "Client", "AsyncClient", "Scan", "as_completed", "replay", "wait"),
        *("ScanStatus", "Phase", "Event", "__version__"),
        *("ScanwatchError", "UsageError", "ConfigurationError", "ConnectionClosed"),
        *("GatewayError", "GatewayUnreachable", "GatewayRefused", "GatewayAnswerError", "NotFound", "NotSupported"),
        *("ScanError", "ScanFailed", "ScanCancelled"),
    }
    with pytest.raises(AttributeError, match="conect"):
        scanwatch.conect  # type: ignore[attr-defined]  # noqa: B018


@pytest.fixture
def kernel() -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.manager = manager
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(kernel: BlockingKernelClient, code: str) -> str:
    """Run a cell to its end; what it printed."""
    printed: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = kernel.execute_interactive(code, timeout=60, output_hook=note)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)


def begin_cell(kernel: BlockingKernelClient, code: str) -> str:
    """Begin a cell and wait until it runs; its message's id."""
    # stop_on_error=False: else the kernel may still be refusing cells for a moment after the interrupted one.
    message_id: str = kernel.execute(f"print('begun', flush=True); {code}", stop_on_error=False)
    while kernel.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    return message_id


@pytest.mark.parametrize("busy", ["import time; time.sleep(60)", "scan.wait()", "await scan"])
def test_interrupting_a_busy_cell_leaves_the_kernel_alive_and_the_scan_running(
    kernel: BlockingKernelClient, gateway: RunningGateway, client: scanwatch.Client, busy: str
) -> None:
    started = f"import scanwatch; scan = scanwatch.connect({gateway.url!r}).scan({ENDLESS!r}); print(scan.id)"
    scan = client.attach(run_cell(kernel, started).strip())
    busy_cell = begin_cell(kernel, busy)
    until(lambda: scan.snapshot.seq > 3)
    kernel.manager.interrupt_kernel()
    reply = kernel._recv_reply(busy_cell, timeout=20)
    assert reply["content"]["ename"] in {"KeyboardInterrupt", "CancelledError"}
    assert run_cell(kernel, "print(scan.status, scan.snapshot.seq > 3, scan.connection)") == "in_progress True live\n"
    assert scan.refresh().status is ScanStatus.IN_PROGRESS
    scan.cancel()
    scan.wait(TIMEOUT_S)
