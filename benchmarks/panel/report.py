"""The measured values as Markdown: the goals, then every peer beside every other."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from measure import Measured
from peers import PANEL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured panel: begin -->", "<!-- measured panel: end -->"
_PACKAGES = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "tqdm")
_COLUMNS: dict[str, Callable[[Measured], str]] = {
    "rows": lambda one: f"{one.rows:,}",
    "first row, ms": lambda one: _number(one.first_ms),
    "all rows, ms": lambda one: _number(one.all_ms),
    "rows in reach": lambda one: _number(one.reachable),
    "frames/s": lambda one: _number(one.fps),
    "longest frame, ms": lambda one: _number(one.longest_ms),
    "messages/s": lambda one: _number(one.messages_per_s, 1),
    "KB/s": lambda one: _number(one.kb_per_s),
    "kernel CPU, %": lambda one: _number(one.cpu_percent, 1),
    "with the changes, %": lambda one: _number(_in_all(one), 1),
    "changes/s": lambda one: _number(one.changes_per_s),
    "stale at the end": lambda one: _number(one.stale),
}


@dataclass(frozen=True)
class Setting:
    """Where it was measured."""

    chromium: str
    limit_s: float


def markdown(values: Mapping[str, Sequence[Measured]], setting: Setting) -> str:
    """The whole report."""
    parts = [_setting(setting), _goals(values.get(PANEL.name, ())), _table(values), _remarks(values), _ratios(values)]
    return "\n\n".join(part for part in parts if part) + "\n"


def put_into_docs(text: str) -> None:
    """Replace what stands between the marks in ``docs/performance.md``."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _setting(setting: Setting) -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    machine = found[1].strip() if found else platform.machine()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} cores, {machine}, shared by kernel, "
        f"server and browser; load average {os.getloadavg()[0]:.1f} · Python {platform.python_version()}, {versions}, "
        f"Chromium {setting.chromium}, scanwatch {version('scanwatch')} ({commit.stdout.strip() or 'no checkout'}). "
        f"What was not shown after {setting.limit_s:.0f} s was given up."
    )


def _goals(panel: Sequence[Measured]) -> str:
    largest = max(panel, key=lambda one: one.rows, default=None)
    if largest is None:
        return ""
    goals = (
        ("frames per second", ">=", 60, largest.fps, 0),
        ("messages per second", "<=", 10, largest.messages_per_s, 1),
        ("KB per second", "<=", 500, largest.kb_per_s, 0),
        ("kernel CPU for the panel, % of a core", "<=", 5, largest.cpu_percent, 1),
        ("kernel CPU in all, making the changes included", "", None, _in_all(largest), 1),
        ("first row, ms", "<=", 300, largest.first_ms, 0),
        ("stale rows at the end", "<=", 0, largest.stale, 0),
    )
    lines = [
        f"| panel, {largest.rows:,} rows, each changing 5 times a second | goal | measured | |",
        "|---|---|---|---|",
    ]
    for what, sign, goal, measured, digits in goals:
        if goal is None:
            lines.append(f"| {what} | | {_number(measured, digits)} | |")
            continue
        held = measured is not None and (round(measured) >= goal if sign == ">=" else round(measured, digits) <= goal)
        verdict = "reached" if held else "**missed**"
        lines.append(f"| {what} | {'≥' if sign == '>=' else '≤'} {goal} | {_number(measured, digits)} | {verdict} |")
    return "\n".join(lines)


def _in_all(one: Measured) -> float | None:
    """CPU of the kernel, with what making the changes took."""
    return None if one.cpu_percent is None or one.making_percent is None else one.cpu_percent + one.making_percent


def _table(values: Mapping[str, Sequence[Measured]]) -> str:
    lines = [f"| | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    counts = sorted({one.rows for of in values.values() for one in of})
    for count in counts:
        for name, of in values.items():
            lines += [
                f"| {name} | {' | '.join(cell(one) for cell in _COLUMNS.values())} |" for one in of if one.rows == count
            ]
    return "\n".join(lines)


def _remarks(values: Mapping[str, Sequence[Measured]]) -> str:
    """What came to nothing, and how long was waited for it."""
    lines = []
    for name, of in values.items():
        for one in of:
            more = "; more rows were not tried" if one.first_ms is None else ""
            lines += [f"- {name}, {one.rows:,} rows: {one.remark}{more}."] if one.remark else []
    return "\n".join(lines)


def _ratios(values: Mapping[str, Sequence[Measured]]) -> str:
    """How many times as much as the panel each peer takes, where both were shown."""
    ours = {one.rows: one for one in values.get(PANEL.name, ())}
    quantities: dict[str, Callable[[Measured], float | None]] = {
        "time to the last row": lambda one: one.all_ms,
        "messages/s": lambda one: one.messages_per_s,
        "KB/s": lambda one: one.kb_per_s,
        "kernel CPU": lambda one: one.cpu_percent,
    }
    lines = []
    for name, of in values.items():
        for one in of:
            if name != PANEL.name and one.rows in ours:
                cells = " | ".join(_ratio(quantity(one), quantity(ours[one.rows])) for quantity in quantities.values())
                lines.append(f"| {name} | {one.rows:,} | {cells} |")
    if not lines:
        return ""
    head = [f"| / panel | rows | {' | '.join(quantities)} |", "|---" * (len(quantities) + 2) + "|"]
    return "\n".join([*head, *lines])


def _ratio(theirs: float | None, ours: float | None) -> str:
    return "–" if theirs is None or not ours else f"{theirs / ours:,.1f}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
