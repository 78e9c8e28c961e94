"""Our gateway beside the reference, python-socketio as it comes and the bare floor, in one run, alternating.

    python benchmarks/gateway/run.py [--quick] [--no-docs]

Needs a C compiler, Node.js and npm. The server runs on one core, the load client on another. The report goes to
``build/bench/gateway.md``, every single value to ``gateway.json`` beside it; a whole run also puts the tables into
``docs/performance.md``. ``benchmarks/README.md`` says how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import machine
import measures
import peers
import report
from peers import Peer


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    repetitions: int
    watchers: int
    events: int
    few_watchers: int
    paced: int
    scans: int
    durable_scans: int
    durable_events: int
    connections: int
    followed_s: float
    budget_s: float


FULL = Scale(
    repetitions=3,
    watchers=1000,
    events=200,
    few_watchers=100,
    paced=30,
    scans=200,
    durable_scans=200,
    durable_events=100,
    connections=5000,
    followed_s=12.0,
    budget_s=420.0,
)
QUICK = Scale(
    repetitions=1,
    watchers=1000,
    events=60,
    few_watchers=0,
    paced=10,
    scans=200,
    durable_scans=50,
    durable_events=100,
    connections=0,
    followed_s=4.0,
    budget_s=60.0,
)


class Bench:
    """The measurements of one run."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._begun = time.monotonic()
        self.values: report.Values = {}
        self.troubles: list[str] = []
        self.loads = [machine.load_average()]

    def run(self) -> None:
        """Measure everything, alternating between the peers."""
        scale = self._scale
        ours = [peers.HUB, peers.MEMORY, peers.DURABLE]
        others = [peers.NEST, peers.PREBUILT, peers.STOCK]
        self._fan("fan", [*ours, *others, peers.FIELD, *self._more()], scale.watchers, scale.events)
        self._each("rooms", [peers.HUB, peers.MEMORY, peers.NEST, peers.STOCK], self._rooms)
        self._each("throughput", [peers.MEMORY, peers.DURABLE], self._throughput)
        self._each("unwatched", [peers.DURABLE], self._following(measures.unwatched), at_most=2)
        self._each("pushed", [peers.DURABLE], self._following(measures.pushed), at_most=2)
        self._each("polled", [peers.DURABLE], self._following(measures.polled), at_most=2)
        if scale.few_watchers:
            events = scale.events * scale.watchers // scale.few_watchers // 2
            self._fan("few", [*ours, *others], scale.few_watchers, events)
        if scale.connections:
            self._each(
                "connections",
                [peers.FIELD, peers.NEST, peers.STOCK],
                lambda peer: measures.connecting(peer, count=scale.connections),
                at_most=1,
            )

    def _more(self) -> list[Peer]:
        if not self._scale.connections:
            return []
        return [peers.SEND_STR, *([peers.LIBRARY] if peers.HAS_FAST_PATH else [])]

    def _fan(self, name: str, of: Sequence[Peer], watchers: int, events: int) -> None:
        def measure(peer: Peer) -> measures.Fan:
            some = events // 4 if peer.slow else events
            return measures.fan(peer, watchers=watchers, events=some, paced=self._scale.paced)

        self._each(name, of, measure)

    def _rooms(self, peer: Peer) -> measures.Rooms:
        # A broadcast of one event of each scan is work enough.
        events = 2 if peer is peers.NEST else 40
        return measures.rooms(peer, scans=self._scale.scans, watchers=5, events=events)

    def _throughput(self, peer: Peer) -> measures.Throughput:
        return measures.throughput(peer, scans=self._scale.durable_scans, events=self._scale.durable_events)

    def _following(self, measure: Callable[..., Any]) -> Callable[[Peer], Any]:
        return lambda peer: measure(peer, scans=self._scale.scans, for_s=self._scale.followed_s)

    def _each(self, name: str, of: Sequence[Peer], measure: Callable[[Peer], Any], at_most: int = 9) -> None:
        """Measure each of the peers in turn, again and again while there is time."""
        for repetition in range(min(self._scale.repetitions, at_most)):
            if repetition and time.monotonic() - self._begun > self._scale.budget_s:
                return
            for peer in of:
                begun = time.monotonic()
                self.loads.append(machine.load_average())
                try:
                    value = measure(peer)
                except (RuntimeError, AssertionError, OSError) as error:
                    self.troubles.append(f"{name}, {peer.name}: {error}")
                    print(f"{name}: {peer.name} could not be measured: {error}", flush=True)
                    continue
                self.values.setdefault(name, {}).setdefault(peer.name, []).append(
                    {"repetition": repetition, **asdict(value)}
                )
                print(f"{name} {repetition + 1}: {peer.name}, {time.monotonic() - begun:.1f} s", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a rough picture in a minute and a half")
    options.add_argument(
        "--docs",
        action=argparse.BooleanOptionalAction,
        help="put the tables into docs/performance.md, as a whole run does and a quick one does not",
    )
    chosen = options.parse_args()
    scale = QUICK if chosen.quick else FULL
    machine.prepare()
    # Whoever waits must not disturb the server.
    os.sched_setaffinity(0, {machine.LOAD_CORE})
    bench = Bench(scale)
    bench.run()
    setting = report.Setting(asdict(scale), tuple(bench.loads), tuple(bench.troubles))
    text = report.rendered(bench.values, setting)
    (machine.BUILD / "gateway.md").write_text(text, encoding="utf-8")
    (machine.BUILD / "gateway.json").write_text(json.dumps(bench.values, indent=1), encoding="utf-8")
    if chosen.docs or (chosen.docs is None and not chosen.quick):
        report.put_into(machine.ROOT / "docs" / "performance.md", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
