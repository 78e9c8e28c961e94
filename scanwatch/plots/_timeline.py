"""The phases of scans as bars over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..errors import UsageError
from ..model import Phase
from ._figure import Plot, ink, legible, new_plot, nothing_yet, plain, table_of

MOST_SCANS = 100
LONGEST_NAME = 36

_COLUMNS = ("time", "phase", "status", "attempt")
_LOOK = {  # colours that people who confuse some can tell apart, each with a pattern of its own
    Phase.QUEUED: ("#bbbbbb", ""),
    Phase.DISCOVERY: ("#e69f00", "//"),
    Phase.FETCH: ("#56b4e9", ".."),
    Phase.PARSE: ("#009e73", "\\\\"),
    Phase.VALIDATE: ("#f0e442", "xx"),
    Phase.PERSIST: ("#cc79a7", "--"),
}
_UNITS = (("hours", "h", 3600.0, 3 * 3600.0), ("minutes", "min", 60.0, 180.0), ("seconds", "s", 1.0, 0.0))
"""Each in long and short, with its seconds, and the seconds from which on it is used."""
_SIGNS = {"completed": "✓ completed", "failed": "✕ failed", "cancelled": "■ cancelled"}


@dataclass(frozen=True, slots=True)
class _Bar:
    """One stretch of one attempt in one phase, in seconds."""

    phase: Phase
    attempt: int
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _History:
    """A scan as far as its events tell; times in seconds since its first event."""

    name: str
    began: datetime
    bars: tuple[_Bar, ...]
    status: str
    end_s: float

    @property
    def ending(self) -> str:
        return _SIGNS.get(self.status, "… so far")


def draw_timeline(scans: Sequence[object], align: str) -> Plot:
    """As :func:`scanwatch.plots.timeline` says."""
    if align not in ("clock", "start"):
        raise UsageError(f"align is {align!r}; scans stand where the 'clock' has them, or all at their 'start'.")
    tables = [table_of(scan, "events", _COLUMNS) for scan in scans]
    histories = list(_histories(tables))
    if len(histories) == 1:
        return _one(histories[0])
    return _several(histories[:MOST_SCANS], align, len(histories))


def _histories(tables: Iterable[pd.DataFrame]) -> Iterator[_History]:
    for number, table in enumerate(tables, 1):
        if len(table):
            times = (table["time"] - table["time"].iloc[0]).dt.total_seconds().to_list()
            status = str(table["status"].iloc[-1])
            yield _History(_name(table, number), table["time"].iloc[0], tuple(_bars(table, times)), status, max(times))


def _name(table: pd.DataFrame, number: int) -> str:
    target, scan = table.attrs.get("target"), table.attrs.get("scan")
    known = [legible(target, LONGEST_NAME) if target else None, f"({scan[:8]})" if scan else None]
    return " ".join(filter(None, known)) or f"scan {number}"


def _bars(table: pd.DataFrame, times: Sequence[float]) -> Iterator[_Bar]:
    """From each change of the phase or the attempt to the next one."""
    phases, attempts = table["phase"].astype("object"), table["attempt"].fillna(1)
    changed = (phases != phases.shift()) | (attempts != attempts.shift())
    starts = [row for row, new in enumerate(changed) if new]
    for row, following in zip(starts, [*starts[1:], len(times) - 1], strict=True):
        if not pd.isna(phases.iloc[row]) and times[following] >= times[row]:
            yield _Bar(Phase(phases.iloc[row]), int(attempts.iloc[row]), times[row], times[following])


def _one(history: _History) -> Plot:
    phases = [phase for phase in _LOOK if any(bar.phase is phase for bar in history.bars)]
    plot, axes = new_plot(len(phases), f"{history.name}, {history.ending}")
    if not phases:
        nothing_yet(axes, "the scan has named no phase.")
        return plot
    unit, short, size = _unit(history.end_s)
    for row, phase in enumerate(phases):
        bars = [bar for bar in history.bars if bar.phase is phase]
        _draw_bars(axes, [(row, bar) for bar in bars], size)
        spent = sum(bar.end_s - bar.begin_s for bar in bars)
        tries = len({bar.attempt for bar in bars})
        words = f"{spent / size:.3g} {short}" + (f" in {tries} attempts" if tries > 1 else "")
        axes.annotate(words, (bars[-1].end_s / size, row), (5, 0), textcoords="offset points", va="center")
    _mark_attempts(axes, history, size)
    axes.set_yticks(range(len(phases)), [phase.value for phase in phases])
    _finish(axes, len(phases), f"{unit} since {_clock(history.began)}")
    axes.margins(x=0.16)
    axes.set_xlim(left=0)
    return plot


def _several(histories: Sequence[_History], align: str, there_are: int) -> Plot:
    title = f"{there_are} scans" if there_are == len(histories) else f"The first {len(histories)} of {there_are} scans"
    plot, axes = new_plot(len(histories), title if histories else "Scans")
    if not histories:
        nothing_yet(axes, "no scan has an event.")
        return plot
    origin = min(history.began for history in histories)
    rows = [history if align == "start" else _moved(history, origin) for history in histories]
    unit, _, size = _unit(max(history.end_s for history in rows))
    _draw_bars(axes, [(row, bar) for row, history in enumerate(rows) for bar in history.bars], size)
    for row, history in enumerate(rows):
        axes.annotate(
            history.ending, (history.end_s / size, row), (5, 0), textcoords="offset points", va="center", **plain()
        )
        _mark_attempts(axes, history, size, row)
    axes.set_yticks(range(len(rows)), [history.name for history in rows], **plain())
    since = "each scan's start" if align == "start" else _clock(origin)
    _finish(axes, len(rows), f"{unit} since {since}")
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    used = [phase for phase in _LOOK if any(bar.phase is phase for history in rows for bar in history.bars)]
    keys = [Patch(label=phase.value, **_look(phase)) for phase in used]
    plot.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False)
    return plot


def _moved(history: _History, origin: datetime) -> _History:
    by = (history.began - origin).total_seconds()
    bars = tuple(replace(bar, begin_s=bar.begin_s + by, end_s=bar.end_s + by) for bar in history.bars)
    return replace(history, bars=bars, end_s=history.end_s + by)


def _draw_bars(axes: Axes, placed: Sequence[tuple[int, _Bar]], size: float) -> None:
    """All bars of a phase at once, each in its row: one by one takes several times as long."""
    for phase in _LOOK:
        of_phase = [(row, bar) for row, bar in placed if bar.phase is phase]
        rows = [row for row, _ in of_phase]
        begins = [bar.begin_s / size for _, bar in of_phase]
        widths = [(bar.end_s - bar.begin_s) / size for _, bar in of_phase]
        axes.barh(rows, widths, left=begins, height=0.66, **_look(phase))


def _look(phase: Phase) -> dict[str, Any]:
    colour, pattern = _LOOK[phase]
    return {"facecolor": colour, "hatch": pattern, "edgecolor": "#333333", "linewidth": 0.6}


def _mark_attempts(axes: Axes, history: _History, size: float, row: int | None = None) -> None:
    """A sign where an attempt failed and another one was to follow: down all phases of one scan, or in its row."""
    for before, after in zip(history.bars, history.bars[1:], strict=False):
        if after.attempt <= before.attempt:
            continue
        at = after.begin_s / size
        if row is None:
            axes.axvline(at, color=ink(0.6), linestyle=":")
            words = f"attempt {before.attempt} failed"
            axes.annotate(
                words, (at, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center"
            )
        else:
            axes.plot(at, row, marker="X", color="black", markeredgecolor="white", markersize=8)


def _finish(axes: Axes, rows: int, label: str) -> None:
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=ink(0.15))
    axes.set_axisbelow(True)


def _unit(longest_s: float) -> tuple[str, str, float]:
    return next((long, short, size) for long, short, size, least in _UNITS if longest_s >= least)


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
