"""A gateway of its own for every test, on a free port, and a way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from scanwatch.gateway import Gateway, GatewayConfig
from tests.gateway._peers import Rest


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Keeps every report, so that quick scans make many events."""
    config = GatewayConfig(port=0, store="memory:", backoff_s=0.05, max_events_per_s=0)
    async with Gateway(config) as running:
        yield running


@pytest_asyncio.fixture
async def rest(gateway: Gateway) -> AsyncIterator[Rest]:
    """A client of the test's gateway."""
    async with aiohttp.ClientSession() as session:
        yield Rest(session, gateway.url)
