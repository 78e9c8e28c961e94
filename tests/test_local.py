"""A local gateway is a process of its own, has one owner for each store, and ends when it should.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scanwatch._local import LocalGateway, discover, discovery_file, home
from scanwatch.errors import ConfigurationError
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


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not (came := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return came


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "scans.db"
    yield path
    LocalGatewayOwner(path).end()


class LocalGatewayOwner:
    """Ends whatever gateway a test left on a store."""

    def __init__(self, store: Path) -> None:
        self.url = f"sqlite:///{store}"

    def end(self) -> None:
        found = discover(self.url)
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
            assert wait_for(lambda: not answers(found.url))


def in_another_process(code: str, store: Path) -> tuple[str, int]:
    """Run ``code``, which has a gateway ``g`` on ``store``, in another interpreter; what it prints: URL and pid."""
    program = (
        f"import os; from scanwatch._local import LocalGateway; {code}; print(g.url, g._pid, flush=True); os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(store)], capture_output=True, text=True, check=True, timeout=60
    )
    url, pid = done.stdout.split()
    return url, int(pid)


def test_it_serves_those_who_know_its_token_and_no_other() -> None:
    with LocalGateway("memory:", shared=False) as gateway:
        assert status_of(gateway.url, paths.health) == 200
        assert status_of(gateway.url, paths.repositories, gateway.token) == 200
        assert status_of(gateway.url, paths.repositories) == 401
        assert urlsplit(gateway.url).hostname == "127.0.0.1"
        assert str(gateway.token) not in repr(gateway)
        seen_by_others = subprocess.run(
            ["ps", "-o", "args=", "-p", str(gateway._pid)], capture_output=True, text=True, check=True
        ).stdout
        assert "scanwatch serve" in seen_by_others
        assert str(gateway.token) not in seen_by_others
    assert not answers(gateway.url)


def test_the_second_on_a_store_joins_the_first(store: Path) -> None:
    with LocalGateway(store) as first:
        with LocalGateway(store) as second:
            assert (second.url, second.token) == (first.url, first.token)
            assert second.joined
        assert answers(first.url), "leaving a block ends only what it started"
    assert not answers(first.url)


def test_two_that_start_at_once_share_one_gateway(store: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(LocalGateway, [store, store])
    assert one.url == other.url
    assert sorted([one.joined, other.joined]) == [False, True]
    one.stop()
    other.stop()
    assert not answers(one.url)


def test_a_store_owned_under_another_token_is_refused(store: Path) -> None:
    with LocalGateway(store), pytest.raises(ConfigurationError, match="another token"):
        LocalGateway(store, token="not-that-one")


def test_the_discovery_file_is_its_users_alone_and_goes_with_the_gateway(store: Path) -> None:
    with LocalGateway(store, token="a-token-of-mine") as gateway:
        discovery = discovery_file(gateway.store)
        assert discovery is not None
        assert json.loads(discovery.read_text())["token"] == "a-token-of-mine"
        assert stat.S_IMODE(discovery.stat().st_mode) == 0o600
        assert "a-token-of-mine" not in repr(discover(gateway.store))
    assert not discovery.exists()


def test_what_a_dead_owner_left_is_replaced(store: Path) -> None:
    first = LocalGateway(store)
    os.kill(first._pid, signal.SIGKILL)
    first.stop()
    discovery = discovery_file(first.store)
    assert discovery is not None
    assert discovery.exists()
    with LocalGateway(store) as second:
        assert not second.joined
        assert status_of(second.url, paths.repositories, second.token) == 200


def test_stopping_one_that_was_joined_ends_it_for_good(store: Path) -> None:
    with LocalGateway(store) as started:
        LocalGateway(store).stop()
        assert not answers(started.url)
        with LocalGateway(store) as next_one:
            assert not next_one.joined


def test_a_shared_one_outlives_its_process_and_is_found_by_the_next(store: Path) -> None:
    url, _pid = in_another_process("import sys; g = LocalGateway(sys.argv[1])", store)
    found = LocalGateway(store)
    assert (found.url, found.joined) == (url, True)
    found.stop()
    assert not answers(url)


def test_one_that_is_not_shared_ends_with_its_process(store: Path) -> None:
    url, _pid = in_another_process("import sys; g = LocalGateway(sys.argv[1], shared=False)", store)
    assert wait_for(lambda: not answers(url))


def test_it_ends_by_itself_when_nobody_wants_anything(store: Path) -> None:
    gateway = LocalGateway(store, idle_timeout_s=0.3)
    discovery = discovery_file(gateway.store)
    assert discovery is not None
    assert wait_for(lambda: not discovery.exists()), "asking it would keep it busy; its file tells"
    gateway.stop()
    assert not answers(gateway.url)


def test_one_that_cannot_start_says_why_in_its_own_words() -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be at least 1"):
        LocalGateway("memory:", concurrency=0)


def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        LocalGateway(tmp_path / "nowhere" / "scans.db")


def test_without_a_store_it_keeps_its_scans_in_the_users_own_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path / "mine"))
    with LocalGateway(shared=False):
        assert (home() / "scans.db").is_file()
        assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o700
