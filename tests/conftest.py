"""Whatever a test starts it ends: a thread or task that outlives its test fails it.

Some tests need a program that pip cannot install: `@pytest.mark.needs("node")`. Where one is missing they are skipped
by its name; under `SCANWATCH_REQUIRE_ALL=1`, as in CI, they run and fail.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from scanwatch._local import LocalGateway, discover
from tests import redis_server
from tests.redis_server import RedisServer

GRACE_S = 2.0

# A machine under load is slow now and then; what matters is the outcome.
settings.register_profile("scanwatch", deadline=None)
settings.load_profile("scanwatch")

# A shell starts background jobs with interrupts ignored, and children inherit that; tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, by name, what cannot run here."""
    if os.environ.get("SCANWATCH_REQUIRE_ALL"):
        return
    for item in items:
        needed = {program for mark in item.iter_markers("needs") for program in mark.args}
        if item.get_closest_marker("browser"):
            needed.add("chromium")
        for program in sorted(needed):
            if not (redis_server.available() if program == "redis" else shutil.which(program)):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What scans remember goes with the tests, those in child processes included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANWATCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis for all tests that leave it as it is."""
    if given := os.environ.get(redis_server.GIVEN):
        yield given
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"), "--appendfsync", "no").start()
    yield server.url
    server.kill()


@pytest.fixture
def redis_url(shared_redis: str) -> Iterator[str]:
    """The URL of a store in Redis that is the test's own: nobody else has its prefix, and nothing of it is left."""
    prefix = f"test-{uuid.uuid4().hex}"
    yield f"{shared_redis}?prefix={prefix}"
    redis_server.clear(shared_redis, prefix)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for a test that stops it, fills it or changes it; running."""
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home for other processes; a gateway that one of them starts there outlives it, and ends with the test."""
    yield tmp_path / "home"
    if discover(store := f"sqlite:///{tmp_path / 'home' / 'scans.db'}") is not None:
        LocalGateway(store).stop()


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    before = set(threading.enumerate())
    yield
    assert not list(_left(lambda: set(threading.enumerate()) - before, time.sleep)), "the test left threads behind"


@pytest.fixture(autouse=True)
def no_leaked_tasks(no_leaked_threads: None, request: pytest.FixtureRequest) -> None:
    """Fail an async test that leaves a task behind on its loop, its own async fixtures included."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_watched_loop")


@pytest_asyncio.fixture
async def _watched_loop() -> AsyncIterator[None]:
    yield
    deadline = time.monotonic() + GRACE_S
    while (tasks := _others()) and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    assert not tasks, f"the test left tasks behind: {[_where(task) for task in tasks]}"


def _others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def _where(task: asyncio.Task[object]) -> str:
    told = io.StringIO()
    task.print_stack(file=told)
    return told.getvalue()


def _left(look: Callable[[], set[threading.Thread]], wait: Callable[[float], None]) -> set[threading.Thread]:
    deadline = time.monotonic() + GRACE_S
    while (left := look()) and time.monotonic() < deadline:
        wait(0.005)
    return left
