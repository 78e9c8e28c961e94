"""Our client beside python-socketio's own and a poller, in one run, alternating.

    python benchmarks/client/run.py [--quick] [--docs]

The source of events runs on one core, the client on another. The report goes to ``build/bench/client.md``; ``--docs``
also puts its tables into ``docs/performance.md``. ``benchmarks/README.md`` says how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REPORT = ROOT / "build" / "bench" / "client.md"
BEGIN, END = "<!-- client: begin -->", "<!-- client: end -->"
CORES = sorted(os.sched_getaffinity(0))

OURS, SOCKETIO, POLLER = "ours", "socketio", "poller"
NAMES = {
    OURS: "scanwatch, a handle of each scan",
    SOCKETIO: "python-socketio's client, a handler",
    POLLER: "polling every 2 s, aiohttp",
}
VERSIONS = ("aiohttp", "python-socketio", "python-engineio", "msgspec")

Values = dict[tuple[str, str], list[dict[str, float]]]
"""What was measured of whom: one entry for each repetition."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    repetitions: int
    burst: int
    paced_s: float
    remembered: int


FULL = Scale(repetitions=3, burst=100, paced_s=8.0, remembered=1000)
QUICK = Scale(repetitions=1, burst=50, paced_s=6.0, remembered=500)

WATCHED = 200
PACE_S = 2.0
REMEMBERED_EVENTS = 10


@contextmanager
def process(core: int, script: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """One of our scripts on a core of its own."""
    with subprocess.Popen(
        [sys.executable, HERE / script, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        os.sched_setaffinity(started.pid, {core})
        try:
            yield started
        finally:
            started.kill()


def say(to: subprocess.Popen[str], line: str) -> None:
    assert to.stdin is not None
    to.stdin.write(f"{line.rstrip()}\n")
    to.stdin.flush()


def hear(of: subprocess.Popen[str]) -> str:
    assert of.stdout is not None
    line = of.stdout.readline()
    if not line:
        raise SystemExit("a process of the benchmark ended before it said anything; its complaint is above.")
    return line


def measure(kind: str, what: str, *, scans: int, events: int, interval_s: float, for_s: float) -> dict[str, float]:
    """Send so many events of each scan to one client in a fresh process; what it tells of itself."""
    with (
        process(CORES[0], "source.py", scans) as source,
        process(CORES[-1], "readers.py", kind, what, events, for_s) as reader,
    ):
        say(reader, hear(source))
        assert hear(reader).strip() == "ready"
        say(source, json.dumps({"events": events, "interval_s": interval_s}))
        told: dict[str, float] = json.loads(hear(reader))
        return told


def run(scale: Scale) -> Values:
    """Measure everything, the clients taking turns."""
    plan: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("burst", (OURS, SOCKETIO), {"scans": WATCHED, "events": scale.burst, "interval_s": 0.0, "for_s": 0.0}),
        (
            "paced",
            (OURS, SOCKETIO, POLLER),
            {"scans": WATCHED, "events": 1000, "interval_s": PACE_S, "for_s": scale.paced_s},
        ),
        (
            "memory",
            (OURS, SOCKETIO),
            {"scans": scale.remembered, "events": REMEMBERED_EVENTS, "interval_s": 0.0, "for_s": 0.0},
        ),
    ]
    values: Values = {}
    for repetition in range(scale.repetitions):
        for what, kinds, settings in plan:
            for kind in kinds:
                begun = time.monotonic()
                values.setdefault((what, kind), []).append(measure(kind, what, **settings))
                print(f"{what} {repetition + 1}: {NAMES[kind]}, {time.monotonic() - begun:.1f} s", flush=True)
    return values


def report(values: Values, scale: Scale) -> str:
    """The tables as Markdown."""

    def middle(what: str, kind: str, name: str) -> float:
        return statistics.median(value[name] for value in values[what, kind])

    def ratio(what: str, kind: str, name: str) -> float:
        pairs = zip(values[what, OURS], values[what, kind], strict=True)
        return statistics.median(ours[name] / other[name] for ours, other in pairs)

    digested = [
        f"| {NAMES[kind]} | {middle('burst', kind, 'events_per_s'):,.0f} | "
        f"{middle('burst', kind, 'events_per_cpu_s'):,.0f} | {ratio('burst', kind, 'events_per_cpu_s'):.2f} |"
        for kind in (OURS, SOCKETIO)
    ]
    followed = [
        f"| {NAMES[kind]} | {middle('paced', kind, 'cpu_ms_per_s'):.1f} | {middle('paced', kind, 'p50_ms'):,.1f} | "
        f"{middle('paced', kind, 'p99_ms'):,.1f} | {ratio('paced', kind, 'cpu_ms_per_s'):.2f} | "
        f"{ratio('paced', kind, 'p50_ms'):.3f} |"
        for kind in (OURS, SOCKETIO, POLLER)
    ]
    kept = [
        f"| {NAMES[kind]} | {middle('memory', kind, 'grown_kb') / scale.remembered:.1f} | "
        f"{ratio('memory', kind, 'grown_kb'):.2f} |"
        for kind in (OURS, SOCKETIO)
    ]
    return "\n".join(
        [
            _setting(scale),
            f"\n### As fast as they come, {WATCHED} scans\n",
            "| | events/s | events per CPU s | ours / this |\n|---|---|---|---|",
            *digested,
            f"\n### {WATCHED} scans followed, an event of each every {PACE_S:g} s\n",
            "| | CPU ms per s | event to callback, p50 ms | p99 ms | CPU, ours / this | p50, ours / this |",
            "|---|---|---|---|---|---|",
            *followed,
            f"\n### Memory of a followed scan with {REMEMBERED_EVENTS} events, {scale.remembered} scans\n",
            "| | KB per scan | ours / this |\n|---|---|---|",
            *kept,
            "",
        ]
    )


def _setting(scale: Scale) -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    model = found[1].strip() if found else platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {len(CORES)} cores, {model}; the source on one, the "
        f"client on another; load average {os.getloadavg()[0]:.1f} · medians of {scale.repetitions} alternating "
        "repetitions, ratios paired within a repetition; under 1.3 is a tie.\n\n"
        f"Versions: Python {platform.python_version()}, {versions}."
    )


def put_into(page: Path, text: str) -> None:
    """Replace what stands between this benchmark's marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a rough picture in a minute")
    options.add_argument("--docs", action="store_true", help="put the tables into docs/performance.md")
    chosen = options.parse_args()
    scale = QUICK if chosen.quick else FULL
    text = report(run(scale), scale)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(text, encoding="utf-8")
    print(text)
    if chosen.docs:
        put_into(ROOT / "docs" / "performance.md", text)


if __name__ == "__main__":
    main()
