"""A discovery file is believed only if its process lives and a gateway answers to its token; else a new one is made.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from scanwatch._local import LocalGateway, discover, discovery_file
from scanwatch.errors import ConfigurationError
from scanwatch.testing import run_gateway
from scanwatch.wire import PROTOCOL
from tests.local.conftest import answers


class Foreign(BaseHTTPRequestHandler):
    """A server that has the port of a dead gateway by now, and answers whatever it is asked."""

    heard: list[str | None]

    def do_GET(self) -> None:
        self.heard.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def foreign() -> Iterator[ThreadingHTTPServer]:
    Foreign.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def leave(store: Path, content: str | dict[str, Any], mode: int = 0o600) -> Path:
    """Leave a discovery file beside a store."""
    file = discovery_file(f"sqlite:///{store}")
    assert file is not None
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(mode)
    return file


def a_dead_process() -> int:
    return next(pid for pid in range(4_000_000, 4_100_000) if not psutil.pid_exists(pid))


def assert_replaced(store: Path) -> None:
    """A gateway starts on the store as if there were no file, and leaves its own."""
    with LocalGateway(store) as gateway:
        assert not gateway.joined
        found = discover(gateway.store)
        assert found is not None
        assert (found.url, found.pid) == (gateway.url, gateway._pid)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"url": 1, "token": null, "pid": "x"}', "\x00\ufffd", '{"url": "http://"}'],
)
def test_a_file_that_says_nothing_is_replaced(store: Path, content: str) -> None:
    leave(store, content)
    assert discover(f"sqlite:///{store}") is None


@pytest.mark.slow
def test_a_broken_file_does_not_keep_a_gateway_from_starting(store: Path) -> None:
    leave(store, '{"url": ')
    assert_replaced(store)


@pytest.mark.slow
def test_a_dead_process_is_not_joined_though_another_gateway_answers_to_its_token(store: Path) -> None:
    with run_gateway(token="the-same") as other:
        leave(store, {"url": other.url, "token": "the-same", "pid": a_dead_process()})
        assert_replaced(store)


def test_a_number_that_another_process_has_by_now_is_neither_joined_nor_ended(store: Path) -> None:
    leave(store, {"url": "http://127.0.0.1:9", "token": "old", "pid": os.getpid()})
    assert_replaced(store)


def test_a_foreign_server_on_the_old_port_is_not_joined_and_not_shown_the_token(
    store: Path, foreign: ThreadingHTTPServer
) -> None:
    leave(store, {"url": f"http://127.0.0.1:{foreign.server_port}", "token": "old", "pid": os.getpid()})
    assert_replaced(store)
    assert Foreign.heard
    assert set(Foreign.heard) == {None}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://127.0.0.1:1", "", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_not_asked(store: Path, url: str) -> None:
    leave(store, {"url": url, "token": "old", "pid": os.getpid()})
    assert discover(f"sqlite:///{store}") is None


def test_a_file_that_others_can_read_is_not_believed_and_its_owner_not_joined(store: Path) -> None:
    with LocalGateway(store) as owner:
        file = discovery_file(owner.store)
        assert file is not None
        file.chmod(0o644)
        with pytest.raises(ConfigurationError, match="not this user's alone"):
            LocalGateway(store)
        file.chmod(0o600)
        assert LocalGateway(store).joined


@pytest.mark.slow
def test_a_wide_open_file_of_a_dead_owner_is_replaced_by_a_private_one(store: Path) -> None:
    file = leave(store, {"url": "http://127.0.0.1:9", "token": "old", "pid": a_dead_process()}, mode=0o666)
    with LocalGateway(store):
        assert file.stat().st_mode & 0o777 == 0o600


def test_an_owner_of_another_version_is_named_with_the_remedy(store: Path) -> None:
    with LocalGateway(store) as owner:
        file = discovery_file(owner.store)
        assert file is not None
        said = json.loads(file.read_text())
        leave(store, {**said, "protocol": PROTOCOL + 1, "version": "9.0"})
        with pytest.raises(ConfigurationError, match=rf"of version 9\.0 .*end its process, {owner._pid}"):
            LocalGateway(store)
        leave(store, said)


def test_a_file_with_more_in_it_than_this_version_knows_is_understood(store: Path) -> None:
    with LocalGateway(store) as owner:
        file = discovery_file(owner.store)
        assert file is not None
        leave(store, {**json.loads(file.read_text()), "colour": "green"})
        assert LocalGateway(store).url == owner.url


def test_an_owner_that_does_not_say_how_to_reach_it_is_named_with_the_file_that_is_missing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanwatch._local._gateway._OWNER_PATIENCE_S", 0.1)
    monkeypatch.setattr("scanwatch._local._gateway._TRIES", 1)
    with LocalGateway(store) as owner:
        file = discovery_file(owner.store)
        assert file is not None
        said = file.read_text()
        file.unlink()
        with pytest.raises(ConfigurationError, match=r"does not say how to reach it .*gateway\.json"):
            LocalGateway(store)
        leave(store, said)
    assert not answers(owner.url)
