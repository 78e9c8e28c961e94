"""A gateway of its own for every test, on a free port, and a way to ask it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from scanwatch.gateway import Gateway, GatewayConfig
from tests.gateway._peers import Rest


@pytest.fixture
def fast_path() -> bool:
    """Whether the test's gateway may write straight to sockets; ``SCANWATCH_NO_FAST_PATH=1`` makes none do so."""
    return "SCANWATCH_NO_FAST_PATH" not in os.environ


@pytest_asyncio.fixture
async def gateway(fast_path: bool) -> AsyncIterator[Gateway]:
    """Keeps every report, so that quick scans make many events."""
    config = GatewayConfig(port=0, store="memory:", backoff_s=0.05, max_events_per_s=0, fast_path=fast_path)
    async with Gateway(config) as running:
        yield running


@pytest_asyncio.fixture
async def rest(gateway: Gateway) -> AsyncIterator[Rest]:
    """A client of the test's gateway."""
    async with aiohttp.ClientSession() as session:
        yield Rest(session, gateway.url)
