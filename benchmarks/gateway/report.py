"""The measured values as Markdown: goals first, then what they are made of."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
import peers
from peers import Peer

Values = dict[str, dict[str, list[dict[str, float]]]]
"""Measurement, peer's name, repetition, quantity."""

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SCAN_S = 180
"""The seed's example: a scan of three minutes."""

_FAN = {
    "cpu_per_100k_s": ("CPU s per 100 000", ".2f"),
    "delivered_per_s": ("delivered/s", ",.0f"),
    "p50_ms": ("p50 ms", ".1f"),
    "p99_ms": ("p99 ms", ".1f"),
    "rss_kb_per_connection": ("KB RSS per connection", ".1f"),
    "connect_cpu_ms": ("connect, CPU ms", ".2f"),
}
_SECTIONS: dict[str, tuple[str, dict[str, tuple[str, str]], str | None]] = {
    "fan": ("1 scan, {watchers} watchers", _FAN, "cpu_per_100k_s"),
    "few": ("1 scan, {few_watchers} watchers", _FAN, "cpu_per_100k_s"),
    "rooms": (
        "{scans} scans, 5 watchers each",
        {
            "useful_per_cpu_s": ("useful events per CPU s", ",.0f"),
            "frames_per_useful": ("frames sent per useful one", ".0f"),
        },
        "useful_per_cpu_s",
    ),
    "throughput": (
        "From report to socket, {durable_scans} scans at once, one watcher each",
        {
            "events_per_s": ("events/s", ",.0f"),
            "events_per_cpu_s": ("per CPU s", ",.0f"),
            "merged_percent": ("merged %", ".1f"),
        },
        None,
    ),
    "connections": (
        "{connections} silent connections",
        {"cpu_ms": ("connect, CPU ms", ".2f"), "rss_kb": ("KB RSS per connection", ".1f")},
        None,
    ),
}
"""Of each measurement: its title, its quantities with head and format, the one compared with the reference's."""


@dataclass(frozen=True)
class Setting:
    """Under which circumstances the values came about."""

    scale: Mapping[str, Any]
    loads: tuple[float, ...]
    troubles: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """A ratio to reach: at most, or at least."""

    what: str
    ratio: float | None
    goal: float
    stretch: float | None = None
    at_least: bool = False
    digits: int = 2

    def row(self) -> str:
        sign = "≥" if self.at_least else "≤"
        stretch = "" if self.stretch is None else f"{sign} {self.stretch:g}"
        measured = "–" if self.ratio is None else f"{self.ratio:,.{self.digits}f}"
        return f"| {self.what} | {sign} {self.goal:g} | {stretch} | {measured} | {self._verdict()} |"

    def _verdict(self) -> str:
        if self.ratio is None:
            return "not measured"
        if self.stretch is not None and self._reaches(self.stretch):
            return "stretch reached"
        return "reached" if self._reaches(self.goal) else "**missed**"

    def _reaches(self, bound: float) -> bool:
        assert self.ratio is not None
        return self.ratio >= bound if self.at_least else self.ratio <= bound


def rendered(values: Values, setting: Setting) -> str:
    """The whole report."""
    parts = [_circumstances(setting), "### Goals\n\n" + _goals(values)]
    parts += [
        f"### {title.format(**setting.scale)}\n\n" + _table(values, measure, columns, compared)
        for measure, (title, columns, compared) in _SECTIONS.items()
        if measure in values
    ]
    if "pushed" in values and "polled" in values:
        parts.append("### The seed's table: polling every 2 s against push\n\n" + _seed_table(values))
    return "\n\n".join(parts) + "\n"


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the marks on ``page``."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _circumstances(setting: Setting) -> str:
    named = ", ".join(f"{name} {number}" for name, number in machine.versions().items())
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {len(machine.CORES)} cores, {machine.model()}; server "
        f"on core {machine.SERVER_CORE}, load client on {machine.LOAD_CORE}; load average {setting.loads[0]:.1f} "
        f"before, at most {max(setting.loads):.1f} meanwhile · medians of at most "
        f"{setting.scale['repetitions']} alternating repetitions, ratios paired within each; under 1.3 is a tie.",
        f"Versions: {named}.",
    ]
    lines += [f"Could not be measured: {trouble}." for trouble in setting.troubles]
    return "\n\n".join(lines)


def _goals(values: Values) -> str:
    def ratio(measure: str, ours: Peer, other: Peer, quantity: str) -> float | None:
        return _ratio(values, measure, ours.name, other.name, quantity)

    cpu = "cpu_per_100k_s"
    ours = ((peers.HUB, "fan-out alone"), (peers.MEMORY, "`serve`, memory"), (peers.DURABLE, "`serve`, SQLite"))
    goals = [
        *(
            Goal(f"CPU per delivered event / floor, {how}", ratio("fan", peer, peers.PREBUILT, cpu), 1.3, 1.05)
            for peer, how in ours
        ),
        *(
            Goal(f"CPU per delivered event / NestJS, {how}", ratio("fan", peer, peers.NEST, cpu), 0.65, 0.45)
            for peer, how in ours
        ),
        *(
            Goal(
                f"useful events per CPU second / NestJS, {how}",
                ratio("rooms", peer, peers.NEST, "useful_per_cpu_s"),
                150,
                250,
                at_least=True,
                digits=0,
            )
            for peer, how in ours[:2]
        ),
        *(
            Goal(f"p99 emit to receive / NestJS, {how}", ratio("fan", peer, peers.NEST, "p99_ms"), 0.5, 0.3)
            for peer, how in ours
        ),
        Goal(
            "RSS per connection / NestJS", ratio("fan", peers.MEMORY, peers.NEST, "rss_kb_per_connection"), 0.65, 0.45
        ),
        Goal(
            "connect, CPU / NestJS (the same client)",
            ratio("fan", peers.FIELD, peers.NEST, "connect_cpu_ms"),
            0.6,
            0.3,
        ),
        Goal("bytes, push / polling, a browser's headers", _of_a_scan(values, "bytes"), 0.25),
        Goal("CPU, push / polling, for those who follow", _followed(values), 0.5),
        *(
            Goal(
                f"events/s, report to socket, {how}",
                _median(values, "throughput", peer.name, "events_per_s"),
                10_000,
                30_000,
                at_least=True,
                digits=0,
            )
            for peer, how in ours[1:]
        ),
    ]
    head = "| what | goal | stretch | measured | |\n|---|---|---|---|---|\n"
    return head + "\n".join(goal.row() for goal in goals)


def _table(values: Values, measure: str, columns: Mapping[str, tuple[str, str]], compared: str | None) -> str:
    """One row a peer: medians, and how one quantity compares with the reference's."""
    heads = [head for head, _ in columns.values()]
    if compared is not None:
        heads.append(f"{columns[compared][0]} / NestJS")
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in values[measure]:
        shown = [f"{_median(values, measure, name, quantity):{form}}" for quantity, (_, form) in columns.items()]
        if compared is not None:
            ratio = _ratio(values, measure, name, peers.NEST.name, compared)
            shown.append("–" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}")
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _seed_table(values: Values) -> str:
    """What the seed says of polling and push, for one scan of three minutes with one watcher."""

    def of(measure: str, quantity: str) -> float:
        return _median(values, measure, peers.DURABLE.name, quantity) or 0.0

    alone = of("unwatched", "cpu_ms_per_s") * SCAN_S
    polled, pushed = of("polled", "cpu_ms_per_s") * SCAN_S, _pushed(values, "cpu_ms")
    polled_kb, pushed_kb = of("polled", "bytes_per_s") * SCAN_S / 1e3, _pushed(values, "bytes") / 1e3
    shortest_kb = of("polled", "shortest_bytes_per_s") * SCAN_S / 1e3
    looked, told = of("polled", "p50_ms"), of("pushed", "p50_ms")
    rows = (
        ("requests", f"{of('polled', 'requests_per_s') * SCAN_S:.0f}", "0 (1 connection)", "-100 %", "-100 %"),
        (
            "update latency",
            f"0 to 2 s, {looked:.0f} ms on average",
            f"{told:.1f} ms, p99 {of('pushed', 'p99_ms'):.1f} ms",
            f"{looked / told:,.0f} times",
            "40 times, under 50 ms",
        ),
        (
            "server CPU for the watcher",
            f"{polled - alone:.0f} ms",
            f"{pushed - alone:.0f} ms",
            _change(pushed - alone, polled - alone),
            "-70 %",
        ),
        ("server CPU with worker and store", f"{polled:.0f} ms", f"{pushed:.0f} ms", _change(pushed, polled), ""),
        ("bytes", f"{polled_kb:.0f} KB", f"{pushed_kb:.0f} KB", _change(pushed_kb, polled_kb), "-90 %"),
        (
            "bytes, polling with the shortest headers",
            f"{shortest_kb:.0f} KB",
            f"{pushed_kb:.0f} KB",
            _change(pushed_kb, shortest_kb),
            "",
        ),
    )
    head = ("one scan, one watcher", "polling every 2 s", "push", "measured", "the seed says")
    lines = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
    lines += [
        "",
        "A scan of three minutes on SQLite with an event every 2 s, so that both see the same. Push includes "
        "connecting and subscribing once; polling keeps its connection. What worker and store need for the "
        "events themselves was measured without watchers.",
    ]
    return "\n".join(lines)


def _followed(values: Values) -> float | None:
    """Push over polling: the CPU that following costs, without what worker and store need anyway."""
    polled = _median(values, "polled", peers.DURABLE.name, "cpu_ms_per_s")
    alone = _median(values, "unwatched", peers.DURABLE.name, "cpu_ms_per_s")
    if polled is None or alone is None or "pushed" not in values:
        return None
    ratio = (_pushed(values, "cpu_ms") - alone * SCAN_S) / ((polled - alone) * SCAN_S)
    return ratio if ratio > 0 else None  # a short run's noise is larger than what pushing takes


def _change(now: float, before: float) -> str:
    return f"{100 * (now / before - 1):+.0f} %"


def _pushed(values: Values, quantity: str) -> float:
    """Bytes or CPU of one pushed scan of three minutes."""
    name = peers.DURABLE.name
    running = _median(values, "pushed", name, f"{quantity}_per_s") or 0.0
    return running * SCAN_S + (_median(values, "pushed", name, f"setup_{quantity}") or 0.0)


def _of_a_scan(values: Values, quantity: str) -> float | None:
    """Push over polling for a scan of three minutes."""
    polled = _median(values, "polled", peers.DURABLE.name, f"{quantity}_per_s")
    if polled is None or "pushed" not in values:
        return None
    return _pushed(values, quantity) / (polled * SCAN_S)


def _median(values: Values, measure: str, name: str, quantity: str) -> float | None:
    rows = values.get(measure, {}).get(name)
    return None if not rows else statistics.median(row[quantity] for row in rows)


def _ratio(values: Values, measure: str, ours: str, other: str, quantity: str) -> float | None:
    """The median of the ratios of each repetition that both took part in."""
    theirs = {row["repetition"]: row[quantity] for row in values.get(measure, {}).get(other, ())}
    mine = {row["repetition"]: row[quantity] for row in values.get(measure, {}).get(ours, ())}
    both = mine.keys() & theirs.keys()
    return None if not both else statistics.median(mine[repetition] / theirs[repetition] for repetition in both)
