"""Every test here runs on the kernel that is installed, and, marked slow, on the versions people have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanwatch
from scanwatch.testing import RunningGateway, run_gateway
from tests.kernels._environments import INSTALLED, REQUIREMENTS
from tests.kernels._kernel import TIMEOUT_S, Kernel

ENDLESS = "sim://acme/slow?files=3000&duration_s=90&seed=7"
VERSIONS = [INSTALLED, *(pytest.param(version, marks=pytest.mark.slow) for version in REQUIREMENTS)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_gateway(concurrency=8) as running:
        yield running


@pytest.fixture
def observer(gateway: RunningGateway) -> Iterator[scanwatch.Client]:
    """Somebody else who watches the same scans, to tell what really became of them."""
    with scanwatch.connect(gateway.url) as client:
        yield client


@pytest.fixture
def scan(kernel: Kernel, gateway: RunningGateway, observer: scanwatch.Client) -> Iterator[scanwatch.Scan]:
    """The observer's handle of a long scan that the kernel's ``client`` has started as ``scan``."""
    started = f"client = scanwatch.connect({gateway.url!r}); scan = client.scan({ENDLESS!r}); print(scan.id)"
    scan = observer.attach(kernel.run(f"import scanwatch; {started}"))
    yield scan
    scan.cancel()
    scan.wait(TIMEOUT_S)
    kernel.run("client.close()")


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kernel(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    running = Kernel(version, **environment(tmp_path_factory.mktemp("kernel")))
    running.start()
    try:
        assert_version(running)
        yield running
    finally:
        running.stop()


def environment(home: Path) -> dict[str, str]:
    """This process's environment without its settings, and with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCANWATCH", "IPYTHON"))}
    return {**kept, "SCANWATCH_HOME": str(home / "scanwatch"), "IPYTHONDIR": str(home / "ipython")}


def assert_version(kernel: Kernel) -> None:
    """A kernel that borrowed another version than it is named for would prove nothing."""
    running = kernel.run("import ipykernel; print(ipykernel.__version__)")
    if kernel.version in REQUIREMENTS and "==" in REQUIREMENTS[kernel.version]:
        assert running.startswith(f"{kernel.version}."), running
