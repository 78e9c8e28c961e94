"""Stores for local gateways, whose gateways are ended with the test, and programs that use them from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scanwatch._local import LocalGateway, discover
from scanwatch.wire import paths


def status_of(url: str, path: str, token: str | None = None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", headers=headers), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def answers(url: str) -> bool:
    try:
        return status_of(url, paths.health) == 200
    except OSError:
        return False


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not (came := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return came


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "scans.db"
    yield path
    end_gateway_of(path)


def end_gateway_of(store: Path) -> None:
    """End whatever gateway a test left on a store."""
    found = discover(f"sqlite:///{store}")
    if found is not None:
        os.kill(found.pid, signal.SIGTERM)
        assert wait_for(lambda: not answers(found.url))


def kill(gateway: LocalGateway) -> None:
    """End a gateway so that it can clear up nothing."""
    os.kill(gateway._pid, signal.SIGKILL)
    assert wait_for(lambda: not answers(gateway.url))


def program(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another interpreter that runs ``code``, strict about whatever is left unclosed."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def in_another_process(code: str, store: Path) -> tuple[str, int]:
    """Run ``code``, which has a gateway ``g`` on ``store``, in another interpreter; what it prints: URL and pid."""
    started = program(f"import sys; from scanwatch import LocalGateway; {code}; print(g.url, g._pid)", store)
    output, errors = started.communicate(timeout=60)
    assert (started.returncode, errors) == (0, "")
    url, pid = output.split()
    return url, int(pid)
