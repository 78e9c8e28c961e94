"""The launcher's entry: it sends its own user, and nobody else, to the page of the gateway that ``connect()`` uses.

@gxp-spec SPEC-005-005 "Binder and the launcher"
@trace US-005-002
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from scanwatch._launcher import page_of
from scanwatch._local import discover

START_S = 30


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a socket that is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=START_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(START_S)
        self.sock.connect(str(self._path))


@pytest.fixture
def redirects(home: Path) -> Iterator[Path]:
    """The socket of a running launcher entry, which has a home of its own."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path may not be long
        path = Path(folder) / "s"
        command = [sys.executable, "-m", "scanwatch._launcher", str(path)]
        with subprocess.Popen(command, env={**os.environ, "SCANWATCH_HOME": str(home)}) as process:
            until = time.monotonic() + START_S
            while not path.exists() and time.monotonic() < until:
                time.sleep(0.02)
            yield path
            process.terminate()


def test_whoever_asks_is_sent_to_the_gateway_with_its_token_where_no_server_sees_it(
    redirects: Path, home: Path
) -> None:
    asking = UnixConnection(redirects)
    asking.request("GET", "/")
    answer = asking.getresponse()
    found = discover(f"sqlite:///{home / 'scans.db'}")
    assert found is not None, "a gateway was started"
    assert answer.status == 302
    assert answer.getheader("Location") == page_of(found.url, found.token)
    assert answer.getheader("Cache-Control") == "no-store"
    asking.close()


def test_the_page_is_below_the_same_jupyter_server_and_the_token_behind_a_hash() -> None:
    assert page_of("http://127.0.0.1:8700/", "a/b") == "../proxy/8700/#token=a%2Fb"
    assert page_of("http://127.0.0.1:8700/", None) == "../proxy/8700/"


def test_jupyter_server_proxy_finds_the_entry_and_its_icon() -> None:
    (entry,) = entry_points(group="jupyter_serverproxy_servers", name="scanwatch")
    said = entry.load()()
    assert said["unix_socket"] is True, "another account of this machine must not be sent to our gateway"
    assert Path(said["launcher_entry"]["icon_path"]).read_text(encoding="utf-8").startswith("<svg")
