"""Coverage of a repository, scan by scan."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter

from ._figure import Plot, ink, new_plot, nothing_yet, table_of

_LINES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("designed", {"color": "#e69f00", "marker": "s", "linestyle": "--", "markerfacecolor": "none"}),
    ("verified", {"color": "#56b4e9", "marker": "o", "linestyle": "-"}),
)
_ENDS = (("failed", "X", "#d55e00"), ("cancelled", "s", "#888888"))
_VERBS = {"failed": "failed", "cancelled": "were cancelled"}
_BELOW = -6
"""Where scans stand that have found nothing, in percent: under the line of no coverage."""


def draw_coverage(trend: object) -> Plot:
    """As :func:`scanwatch.plots.coverage` says."""
    table = table_of(trend, "trend", ("created_at", "status", "designed", "verified"))
    name = table.attrs.get("repository")
    plot, axes = new_plot(8, f"Coverage of {name}" if name else "Coverage")
    known = table.dropna(subset=["designed", "verified"])
    ended = table[table["status"].isin([status for status, *_ in _ENDS])]
    if known.empty and ended.empty:
        nothing_yet(axes, "no scan has completed and found specs.")
        return plot
    _draw_shares(axes, known)
    _draw_ends(axes, ended)
    _scale(axes, pd.concat([known, ended])["created_at"])
    plot.legend(loc="outside lower center", ncols=2, frameon=False)
    return plot


def _draw_shares(axes: Axes, known: pd.DataFrame) -> None:
    for column, look in _LINES:
        if len(known):
            last = known[column].iloc[-1]
            axes.plot(_times(known), 100 * known[column], label=f"specs {column}, {last:.0%} in the last scan", **look)


def _draw_ends(axes: Axes, ended: pd.DataFrame) -> None:
    for status, marker, colour in _ENDS:
        rows = ended[ended["status"] == status]
        if len(rows):
            places = [_BELOW] * len(rows)
            axes.plot(
                _times(rows),
                places,
                marker,
                color=colour,
                label=f"scans that {_VERBS[status]}, {len(rows)}",
                clip_on=False,
            )


def _scale(axes: Axes, times: pd.Series) -> None:
    if times.nunique() == 1:
        middle = times.iloc[0].to_pydatetime()
        axes.set_xlim(middle - timedelta(hours=1), middle + timedelta(hours=1))
    locator = AutoDateLocator(tz=UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))
    axes.set_xlabel("UTC")
    axes.set_ylim(-10, 105)
    axes.set_yticks(range(0, 101, 20))
    axes.yaxis.set_major_formatter(PercentFormatter())
    axes.grid(color=ink(0.15))
    axes.axhline(0, color=ink(0.5), linewidth=0.8)


def _times(table: pd.DataFrame) -> list[Any]:
    return [time.to_pydatetime() for time in table["created_at"]]
