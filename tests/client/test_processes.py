"""In real processes an interrupt stops only the waiting, and forgetting to close makes no noise.

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

import pytest

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
    assert not {"pandas", "matplotlib", "aiohttp", "socketio", "anywidget"} & loaded, loaded
    """
    output, errors = run(code).communicate(timeout=30)
    assert (output, errors) == ("", "")


def test_the_export_list_is_exact() -> None:
    assert set(scanwatch.__all__) == {
        *(
            "connect",
            "LocalGateway",
            "Client",
            "AsyncClient",
            "Scan",
            "as_completed",
            "export",
            "plots",
            "replay",
            "wait",
        ),
        *("ScanStatus", "Phase", "Event", "__version__"),
        *("ScanwatchError", "UsageError", "ConfigurationError", "ConnectionClosed"),
        *("GatewayError", "GatewayUnreachable", "GatewayRefused", "GatewayAnswerError", "NotFound", "NotSupported"),
        *("ScanError", "ScanFailed", "ScanCancelled"),
    }
    with pytest.raises(AttributeError, match="conect"):
        scanwatch.conect  # type: ignore[attr-defined]  # noqa: B018
