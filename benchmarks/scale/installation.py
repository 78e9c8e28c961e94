"""A whole installation for a benchmark: a Redis, gateways, workers, and scans that report what they are told to."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[1:1] = [str(ROOT), str(HERE.parent / "gateway")]  # after our own folder, which has a report, too

import machine  # noqa: E402
import peers  # noqa: E402
from load import Counts, Load, loaded  # noqa: E402

from tests.redis_server import RedisServer  # noqa: E402

PATIENCE_S = 60.0
SETTLE_S = 0.5


@dataclass
class Process:
    """One process of the installation."""

    kind: str
    pid: int
    port: int = 0


@dataclass
class Costs:
    """CPU seconds by kind of process."""

    gateway: float = 0.0
    worker: float = 0.0
    redis: float = 0.0


@dataclass
class Installation:
    """What runs, and how its scans are told to report."""

    redis: RedisServer
    door: socket.socket
    processes: list[Process] = field(default_factory=list)
    controls: list[IO[str]] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    played: list[str] = field(default_factory=list)

    @property
    def ports(self) -> list[int]:
        return [process.port for process in self.processes if process.kind == "gateway"]

    def costs(self) -> Costs:
        """CPU seconds used so far."""
        total = Costs()
        for process in self.processes:
            setattr(total, process.kind, getattr(total, process.kind) + machine.cpu_s(process.pid))
        return total

    def trigger(self, count: int, ending: ExitStack) -> None:
        """Start so many scans that report what they are told to; each is run by some worker when this returns."""
        for number in range(count):
            self.scans.append(peers._triggered(self.ports[number % len(self.ports)], number))
        for _ in range(count):
            connection = ending.enter_context(self.door.accept()[0])
            file = ending.enter_context(connection.makefile("rw", encoding="utf-8"))
            played = file.readline().strip()
            assert played not in self.played, f"scan {played} was begun anew"
            self.played.append(played)
            self.controls.append(file)

    def emit(self, events: int, *, interval_s: float = 0.0) -> int:
        """Have every scan report so many events; returns when that began, in nanoseconds of the monotonic clock."""
        begun = time.monotonic_ns()
        for control in self.controls:
            control.write(f"emit {events} {interval_s * 1e6:.0f} 0\n")
            control.flush()
        return begun

    def unlogged(self, series: int) -> list[str]:
        """The scans whose log does not have the ends of so many series: what no watcher can have been told."""
        return [scan for scan in self.scans if self._ends(scan) < series]

    def _ends(self, scan: str) -> int:
        ends, after = 0, 0
        while after is not None:
            page = ask(self.ports[0], "GET", f"/api/v1/scans/{scan}/events?after={after}&limit=1000")
            ends += sum(str(row["payload"].get("message", "")).endswith("!") for row in page["data"])
            after = page["next"]
        return ends

    def emitted(self) -> None:
        """Return when everything asked for is reported."""
        for control in self.controls:
            assert control.readline() == "done\n"


@contextmanager
def installed(*, gateways: int = 2, workers: int = 2, scans: int, concurrency: int = 200) -> Iterator[Installation]:
    """Run an installation with so many scans under way."""
    with ExitStack() as ending:
        scratch = Path(ending.enter_context(tempfile.TemporaryDirectory(dir=peers._scratch_root())))
        door = ending.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        door.settimeout(PATIENCE_S)
        redis = RedisServer(scratch / "redis", "--appendfsync", "everysec").start()
        ending.callback(redis.kill)
        made = Installation(redis, door, [Process("redis", redis.pid)])
        environment = _environment(scratch, door.getsockname()[1])
        for number in range(gateways):
            words = ("serve", "--port", "0", "--store", redis.url, "--max-requests-per-minute", "0")
            line, pid = ending.enter_context(_running(scratch / f"gateway-{number}", environment, *words))
            made.processes.append(Process("gateway", pid, int(line.rpartition(":")[2])))
        for number in range(workers):
            words = ("worker", "--store", redis.url, "--concurrency", str(concurrency), "--lock", "60s")
            generous = ("--max-events-per-second", "0", "--log-level", "warning")
            _, pid = ending.enter_context(_running(scratch / f"worker-{number}", environment, *words, *generous))
            made.processes.append(Process("worker", pid))
        made.trigger(scans, ending)
        yield made


@contextmanager
def watched(made: Installation, watchers: int) -> Iterator[list[Load]]:
    """So many watchers, spread over the gateways; each watches one of the scans."""
    with ExitStack() as ending:
        ports = made.ports
        shares = [(port, watchers // len(ports) + (index < watchers % len(ports))) for index, port in enumerate(ports)]
        loads = [
            ending.enter_context(loaded(port, share, "subscribe", made.scans[index :: len(ports)] or made.scans))
            for index, (port, share) in enumerate(shares)
            if share
        ]
        for load in loads:
            load.connect()
        yield loads


def waited(made: Installation, loads: Sequence[Load], marks: int, series: int) -> Counts:
    """What all load clients counted until every watcher saw the end of its scan's series; the slower one's latency.

    ``series`` is how many every scan has had with this one, the warming up included.

    Raises:
        RuntimeError: some did not see it; the message says whether the log has it.
    """
    try:
        counts = [load.wait(marks // len(loads) + (index < marks % len(loads))) for index, load in enumerate(loads)]
    except RuntimeError as error:
        unlogged = made.unlogged(series)
        raise RuntimeError(f"{error}; in the log of {len(unlogged)} scans the end is missing: {unlogged}") from error
    total = {name: sum(each[name] for each in counts) for name in ("events", "bytes_in")}
    return total | {name: max(each[name] for each in counts) for name in ("last_ns", "p50_ms", "p99_ms")}


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    """One request to a gateway."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
        )
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _environment(scratch: Path, control: int) -> dict[str, str]:
    path = os.pathsep.join((str(peers.SERVERS), str(peers._plug_in()), os.environ.get("PYTHONPATH", "")))
    return {**peers._environment(scratch), "BENCH_CONTROL": str(control), "PYTHONPATH": path}


@contextmanager
def _running(log: Path, environment: dict[str, str], *words: str) -> Iterator[tuple[str, int]]:
    """A process of ``scanwatch``: its first line and its pid."""
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "scanwatch", *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        assert line, log.read_text(encoding="utf-8")
        yield line, process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
