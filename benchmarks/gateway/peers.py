"""The gateways under test, each started afresh for every measurement and ended with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import machine

from scanwatch.gateway import OPTIONS

SERVERS = machine.HERE / "servers"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Peer:
    """One gateway: how it is started, and how a client of it asks for one scan's events."""

    name: str
    command: tuple[str, ...]
    mode: str
    """The load client's mode for one scan's events."""
    ours: bool = False
    """Whether its scans are made over REST, for the ``bench://`` scanner."""
    controls_each: bool = True
    """If it is ours: whether each of its scans is told by itself what to emit."""
    slow: bool = False
    """Whether a series of a quarter of the length says as much."""


class Server:
    """A running gateway with its scans, told over control connections what to emit."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port
        self.scans: list[str] = []
        self._controls: list[IO[str]] = []

    @property
    def cpu_s(self) -> float:
        return machine.cpu_s(self._process.pid)

    @property
    def rss_kb(self) -> int:
        return machine.rss_kb(self._process.pid)

    def controlled_over(self, controls: list[IO[str]], scans: list[str]) -> None:
        self._controls, self.scans = controls, scans

    def emit(self, events: int, *, interval_s: float = 0.0) -> int:
        """Have every scan emit so many events; returns when that began, in nanoseconds of the monotonic clock.

        With an interval, those of different scans are spread evenly over it.
        """
        gap_s = interval_s / len(self._controls)
        begun = time.monotonic_ns()
        for number, control in enumerate(self._controls):
            control.write(f"emit {events} {interval_s * 1e6:.0f} {gap_s * number * 1e6:.0f}\n")
            control.flush()
        return begun

    def emitted(self) -> None:
        """Return when everything asked for is emitted."""
        for control in self._controls:
            answer = control.readline()
            assert answer == "done\n", f"the gateway said {answer!r} instead of done"


@contextmanager
def started(peer: Peer, scans: int) -> Iterator[Server]:
    """Run ``peer`` with so many scans."""
    with ExitStack() as ending:
        scratch = Path(ending.enter_context(tempfile.TemporaryDirectory(dir=_scratch_root())))
        door = ending.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        door.settimeout(PATIENCE_S)
        made_up = [str(uuid4()) for _ in range(scans)]
        (scratch / "scans").write_text("\n".join(made_up), encoding="utf-8")
        process = ending.enter_context(_process(peer, scans, scratch, door.getsockname()[1]))
        server = Server(process, _port(process, scratch))
        ids = [_triggered(server.port, number) for number in range(scans)] if peer.ours else made_up
        connections = [
            ending.enter_context(door.accept()[0]) for _ in range(scans if peer.ours and peer.controls_each else 1)
        ]
        files = [ending.enter_context(connection.makefile("rw", encoding="utf-8")) for connection in connections]
        for file in files:
            file.readline()
        server.controlled_over(files, ids)
        yield server


@contextmanager
def _process(peer: Peer, scans: int, scratch: Path, control: int) -> Iterator[subprocess.Popen[str]]:
    environment = _environment(scratch) | {
        "BENCH_CONTROL": str(control),
        "BENCH_SCANS": str(scratch / "scans"),
        "NODE_ENV": "production",
        "PYTHONPATH": os.pathsep.join((str(SERVERS), str(_plug_in()), os.environ.get("PYTHONPATH", ""))),
    }
    command = [word.replace("SCRATCH", str(scratch)).replace("SCANS", str(scans)) for word in peer.command]
    with (scratch / "errors").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {machine.SERVER_CORE}),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _environment(scratch: Path) -> Mapping[str, str]:
    """This process's environment without what would configure a gateway."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCANWATCH_")}
    return {**kept, "SCANWATCH_HOME": str(scratch / "home")}


def _port(process: subprocess.Popen[str], scratch: Path) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args} did not start:\n{(scratch / 'errors').read_text(encoding='utf-8')}")
    return int(line.strip().rpartition(":")[2])


def _triggered(port: int, number: int) -> str:
    """The id of a new scan of our gateway."""
    name = f"bench-{number}"
    repository = _post(port, "/api/v1/repositories", {"name": name, "gitUrl": f"bench://scans/{name}"})
    scan_id: str = _post(port, f"/api/v1/repositories/{repository['id']}/scan", {})["scanId"]
    return scan_id


def _post(port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status < 300, f"{path}: {answer.status} {text}"
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def _scratch_root() -> Path:
    """On the disk of the checkout: a RAM disk would flush for nothing."""
    root = machine.BUILD / "scratch"
    root.mkdir(parents=True, exist_ok=True)
    return root


def _plug_in() -> Path:
    """A directory that registers the ``bench://`` scanner for whoever has it on its path, as an installed one would."""
    root = machine.BUILD / "plug-in"
    described = root / "bench_scanner-1.0.dist-info"
    described.mkdir(parents=True, exist_ok=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-scanner\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(
        "[scanwatch.scanners]\nbench = scanner:BenchScanner\n", encoding="utf-8"
    )
    return root


def _serve(store: str, *flags: str) -> tuple[str, ...]:
    """Our gateway, told to run every scan of a measurement at once and to thin out no report."""
    generous = ("--concurrency", "SCANS", "--max-events-per-second", "0")
    return (
        sys.executable,
        "-m",
        "scanwatch",
        "serve",
        "--port",
        "0",
        "--store",
        store,
        "--until-stdin-closes",
        *generous,
        *flags,
    )


def _script(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(SERVERS / name), *arguments)


SQLITE = "sqlite:///SCRATCH/scans.db"
HUB = Peer("scanwatch, fan-out alone", _script("hub.py", "SCANS"), "subscribe", ours=True, controls_each=False)
MEMORY = Peer("scanwatch serve, memory store", _serve("memory:"), "subscribe", ours=True)
DURABLE = Peer("scanwatch serve, SQLite", _serve(SQLITE), "subscribe", ours=True)
FIELD = Peer("scanwatch serve, clients of the reference", _serve("memory:"), "socketio", ours=True)
LIBRARY = Peer(
    "scanwatch serve, --no-fast-path", _serve("memory:", "--no-fast-path"), "subscribe", ours=True, slow=True
)
NEST = Peer("NestJS + socket.io (broadcast)", ("node", str(machine.NEST_PROGRAM)), "socketio")
STOCK = Peer("python-socketio as it comes (rooms)", _script("stock.py"), "subscribe", slow=True)
PREBUILT = Peer("floor: aiohttp, prebuilt frame", _script("floor.py", "prebuilt"), "raw")
SEND_STR = Peer("floor: aiohttp, send_str", _script("floor.py", "send_str"), "raw")

HAS_FAST_PATH = any(option.field == "fast_path" for option in OPTIONS)
