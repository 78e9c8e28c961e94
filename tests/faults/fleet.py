"""Real processes on one Redis: gateways behind a proxy of the tests' own, and workers; each can be killed or paused."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.redis_server import RedisServer

START_S = 60.0
END_S = 30.0
QUICK = ("--lock", "2s", "--stalled-check", "1s", "--grace", "0s")
"""Settings with which a lost worker is noticed in seconds."""


class Member:
    """One process of ``scanwatch``; it is ended by its own pid."""

    def __init__(self, folder: Path, name: str, *words: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SCANWATCH_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scanwatch", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
            )

    def wait_until_ready(self) -> str:
        """Its first line, which it prints when it works."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            assert selector.select(START_S), f"{self.name} is not ready: {self.words()}"
        line = self._process.stdout.readline().strip()
        assert " ready" in line, f"{self.name} did not start: {line} {self.words()}"
        return line

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.alive:
            self._process.kill()
        self._close()

    def stop(self) -> int:
        """End it in good order; its exit code."""
        if self.alive:
            self._process.terminate()
        code = self._process.wait(END_S)
        self._close()
        return code

    def _close(self) -> None:
        self._process.wait(END_S)
        if self._process.stdout is not None:
            self._process.stdout.close()


class Fleet:
    """A Redis, and the gateways and workers on it."""

    def __init__(self, folder: Path, redis: RedisServer, worker_options: tuple[str, ...] = QUICK) -> None:
        self.folder = folder
        self.redis = redis
        self.store = redis.url
        self.worker_options = worker_options
        self.gateways: list[Member] = []
        self.workers: list[Member] = []
        self.urls: dict[str, str] = {}
        self._count = 0

    def start(self, *, gateways: int, workers: int, store: str | None = None) -> None:
        """Start so many, all at once; ``store`` is another way to the same Redis."""
        store = store or self.store
        new_gateways = [self._gateway(store) for _ in range(gateways)]
        new_workers = [self._worker(store) for _ in range(workers)]
        for member in new_gateways:
            self.urls[member.name] = member.wait_until_ready().rpartition(" ")[2]
        for member in new_workers:
            member.wait_until_ready()
        self.gateways += new_gateways
        self.workers += new_workers

    def url(self, index: int = 0) -> str:
        return self.urls[self.gateways[index].name]

    def lose_worker(self, index: int = 0) -> Member:
        """SIGKILL one."""
        member = self.workers.pop(index)
        member.kill()
        return member

    def lose_gateway(self, index: int = 0) -> Member:
        """SIGKILL one."""
        member = self.gateways.pop(index)
        member.kill()
        return member

    def end(self) -> None:
        for member in (*self.workers, *self.gateways):
            member.send(signal.SIGCONT) if member.alive else None
            member.kill()
        self.redis.kill()

    def _gateway(self, store: str) -> Member:
        options = ("--port", "0", "--store", store, "--backoff", "0.2s", "--max-events-per-second", "0")
        return Member(self.folder, self._name("gateway"), "serve", *options)

    def _worker(self, store: str) -> Member:
        options = ("--store", store, "--max-events-per-second", "0", *self.worker_options)
        return Member(self.folder, self._name("worker"), "worker", *options)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


@contextmanager
def fleet(folder: Path, *, gateways: int, workers: int, worker_options: tuple[str, ...] = QUICK) -> Iterator[Fleet]:
    """A running fleet, all of whose processes end with the block."""
    made = Fleet(folder, RedisServer(folder / "redis").start(), worker_options)
    try:
        made.start(gateways=gateways, workers=workers)
        yield made
    finally:
        made.end()


def wait_for(what: str, happened: object, timeout_s: float = 60.0) -> float:
    """Seconds until something is so; fails, naming it, when it never is."""
    begun = time.monotonic()
    while not happened():  # type: ignore[operator]
        assert time.monotonic() - begun < timeout_s, f"{what} did not happen within {timeout_s:g} s"
        time.sleep(0.02)
    return time.monotonic() - begun
