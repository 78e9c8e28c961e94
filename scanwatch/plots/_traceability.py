"""Requirements by tier as a heat map: what is designed, and what is verified of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from ..model import target_name
from ._figure import Plot, ink_on, legible, new_plot, nothing_yet, plain, table_of

MOST_REQUIREMENTS = 60

_COLUMNS = ("requirement", "title", "risk", "tier", "designed", "verified", "demanded")
_TIERS = ("IQ", "OQ", "PQ")
_RISKS = ("HIGH", "MEDIUM", "LOW")


class _State(NamedTuple):
    """How a cell looks: the darker, the more is verified; what is missing is crossed."""

    words: str
    colour: str
    pattern: str = ""


_MISSING = _State("demanded, and no spec", "#ffffff", "xxx")
_DESIGNED = _State("designed, none verified", "#fddbc7")
_PARTLY = _State("some specs verified", "#67a9cf")
_VERIFIED = _State("all specs verified", "#2166ac")
_STATES = (_MISSING, _DESIGNED, _PARTLY, _VERIFIED)


class _Cell(NamedTuple):
    """One requirement in one tier."""

    tier: str
    designed: int
    verified: int

    @property
    def state(self) -> _State:
        if not self.designed:
            return _MISSING
        if not self.verified:
            return _DESIGNED
        return _VERIFIED if self.verified == self.designed else _PARTLY


class _Line(NamedTuple):
    """One requirement."""

    name: str
    risk: str
    cells: Sequence[_Cell]

    @property
    def order(self) -> tuple[int, bool]:
        """HIGH risk first, within a risk what has gaps."""
        rank = _RISKS.index(self.risk) if self.risk in _RISKS else len(_RISKS)
        return rank, all(cell.state is _VERIFIED for cell in self.cells)


def draw_traceability(scan: object) -> Plot:
    """As :func:`scanwatch.plots.traceability` says."""
    table = table_of(scan, "coverage", _COLUMNS, by="requirement")
    lines = sorted(_lines(table), key=lambda line: line.order)
    shown = lines[:MOST_REQUIREMENTS]
    plot, axes = new_plot(len(shown), _title(table, len(shown), len(lines)))
    if not shown:
        nothing_yet(axes, "no requirement was found.")
        return plot
    for row, line in enumerate(shown):
        for cell in line.cells:
            _draw_cell(axes, row, cell)
    _name_rows_and_columns(axes, shown)
    keys = [Patch(label=state.words, **_look(state)) for state in _STATES]
    plot.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False)
    return plot


def _lines(table: pd.DataFrame) -> list[_Line]:
    lines = []
    for name, rows in table.groupby("requirement", sort=False):
        first = rows.iloc[0]
        risk, title = ("" if pd.isna(value) else str(value) for value in (first["risk"], first["title"]))
        cells = [_Cell(*values) for values in rows[["tier", "designed", "verified"]].itertuples(index=False, name=None)]
        lines.append(_Line(f"{name}  {title}", risk, cells))
    return lines


def _title(table: pd.DataFrame, shown: int, there_are: int) -> str:
    of = f" of {target_name(target)}" if (target := table.attrs.get("target")) else ""
    rest = f", the first {shown} of {there_are} requirements" if shown < there_are else ""
    return f"Specs verified / designed, by requirement and tier{of}{rest}"


def _draw_cell(axes: Axes, row: int, cell: _Cell) -> None:
    state, column = cell.state, _TIERS.index(cell.tier)
    axes.add_patch(Rectangle((column - 0.47, row - 0.43), 0.94, 0.86, **_look(state)))
    words = f"{cell.verified} / {cell.designed}" if cell.designed else "none"
    box = {"facecolor": state.colour, "edgecolor": "none", "pad": 1.5}
    axes.text(column, row, words, ha="center", va="center", color=ink_on(state.colour), bbox=box)


def _look(state: _State) -> dict[str, Any]:
    return {"facecolor": state.colour, "hatch": state.pattern, "edgecolor": "#555555", "linewidth": 0.6}


def _name_rows_and_columns(axes: Axes, shown: Sequence[_Line]) -> None:
    names = [legible(f"{line.risk or 'no risk'}  {line.name}", 56) for line in shown]
    axes.set_yticks(range(len(shown)), names, **plain())
    axes.set_xticks(range(len(_TIERS)), _TIERS)
    axes.set_xlim(-0.5, len(_TIERS) - 0.5)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
