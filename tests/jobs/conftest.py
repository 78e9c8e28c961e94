"""The benches: a worker's surroundings on a store in memory, on SQLite, on each, or on a Redis that is shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from scanwatch.storage import open_store
from tests.jobs.bench import Bench, HurryingClock, PatientClock
from tests.jobs.bull_bench import BullBench


@asynccontextmanager
async def _bench(url: str, clock: HurryingClock) -> AsyncIterator[Bench]:
    store = open_store(url)
    await store.open()
    bench = Bench(store, clock)
    await bench.open()
    yield bench
    await bench.close()
    await store.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks were left running: {left}"


@pytest.fixture(params=["memory", "sqlite"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """On every kind of store; sleeps are over at once."""
    urls: dict[str, Callable[[], str]] = {
        "memory": lambda: "memory:",
        "sqlite": lambda: f"sqlite:///{tmp_path / 'scans.db'}",
    }
    async with _bench(urls[request.param](), HurryingClock()) as made:
        yield made


@pytest.fixture
async def timed() -> AsyncIterator[Bench]:
    """In memory; time passes only when the test says so."""
    async with _bench("memory:", PatientClock()) as made:
        yield made


@pytest_asyncio.fixture
async def bull(redis_url: str) -> AsyncIterator[BullBench]:
    """On a real Redis, with BullMQ's queue; time is real."""
    made = BullBench(redis_url)
    await made.open()
    yield made
    await made.close()
