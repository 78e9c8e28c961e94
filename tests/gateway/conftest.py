"""A gateway of its own for every test, on a free port, and a way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from scanwatch.gateway import Gateway, GatewayConfig, _app
from scanwatch.gateway._engine import Engine
from tests.gateway._access import fast_path
from tests.gateway._contract import RestJudge
from tests.gateway._peers import Rest


@pytest.fixture(name="fast_path")
def fast_path_or_not() -> bool:
    """Whether the test's gateway may write straight to sockets."""
    return fast_path()


@pytest.fixture(autouse=True)
def keeps_to_the_contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestJudge]:
    """Fail a test whose gateway accepts or answers over REST what its contract does not say."""
    judge, usual = RestJudge(), _app.middlewares
    monkeypatch.setattr(_app, "middlewares", lambda config: [judge.middleware, *usual(config)])
    yield judge
    assert judge.complaints == []


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


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """The engines of the gateways of a test."""
    made: list[Engine] = []
    usual = _app._engine

    def note(config: GatewayConfig) -> Engine:
        made.append(usual(config))
        return made[-1]

    monkeypatch.setattr(_app, "_engine", note)
    return made
