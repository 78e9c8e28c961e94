"""Real gateways for the client's tests, and clients that are closed again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import scanwatch
from scanwatch.testing import RunningGateway, run_gateway


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    """One of ours, shared by a module's tests."""
    with run_gateway(concurrency=8) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[scanwatch.Client]:
    with scanwatch.connect(gateway.url) as connected:
        yield connected
