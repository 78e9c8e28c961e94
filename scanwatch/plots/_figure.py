"""What all plots share: a figure that belongs to nobody else, and text that is drawn as it is written."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import pandas as pd
from matplotlib import colors, font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from ..errors import UsageError

WIDTH_IN = 9.0
ROW_IN = 0.3
SHARPNESS = 2
"""Pixels of a picture for each that it takes up in a notebook."""

_WITH_OTHER_SCRIPTS = (
    *("Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans Hebrew"),
    *("Noto Sans Devanagari", "Arial Unicode MS", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei"),
    *("Malgun Gothic", "WenQuanYi Zen Hei", "Segoe UI Symbol"),
)


class Plot(Figure):
    """A figure outside pyplot, so that nothing keeps it open, and which a notebook shows all the same."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        picture = BytesIO()
        self.savefig(picture, format="png", dpi=SHARPNESS * self.dpi)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return picture.getvalue(), {"width": width, "height": height}


def new_plot(rows: int, title: str) -> tuple[Plot, Axes]:
    """A figure as high as ``rows`` rows need, and its only axes, without a frame where nothing is measured."""
    plot = Plot(figsize=(WIDTH_IN, 1.7 + ROW_IN * max(rows, 3)), layout="constrained")
    axes = plot.add_subplot()
    plot.suptitle(legible(title, 90), x=0.01, ha="left", **plain())
    axes.spines[["top", "right"]].set_visible(False)
    return plot, axes


def nothing_yet(axes: Axes, words: str) -> None:
    """Say that there is nothing to plot, and why, where the plot would be."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, f"Nothing to plot yet: {words}", ha="center", va="center", transform=axes.transAxes, **plain())


def table_of(source: object, method: str, columns: Sequence[str], **options: str) -> pd.DataFrame:
    """The table itself, or the one that the handle's ``method`` gives.

    Raises:
        UsageError: it is neither, or a table of something else.
    """
    call = f"{method}({', '.join(f'{name}={value!r}' for name, value in options.items())})"
    read = getattr(source, method, None)
    if isinstance(source, pd.DataFrame):
        table = source
    elif inspect.iscoroutinefunction(read):
        raise UsageError(f"The handle of an AsyncClient cannot wait here; give its table: await scan.{call}.")
    elif callable(read):
        table = read(**options)
    else:
        raise UsageError(f"{type(source).__name__} cannot be drawn; give a scan, or its table .{call}.")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UsageError(f"The table has no column {missing[0]!r}; what is drawn is .{call}.")
    return table


def ink(share: float = 1.0) -> tuple[float, ...]:
    """The colour of text in matplotlib's settings, fading into the background as ``share`` goes from 1 to 0."""
    front, back = (colors.to_rgb(rcParams[name]) for name in ("text.color", "figure.facecolor"))
    return tuple(share * one + (1 - share) * other for one, other in zip(front, back, strict=True))


def ink_on(colour: str) -> str:
    """Black or white, whichever is read more easily on ``colour``."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colors.to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def plain() -> dict[str, Any]:
    """How text is set that others have written: a dollar is a dollar, and scripts are sought in further fonts."""
    return {"parse_math": False, "usetex": False, "family": _families()}


def legible(text: str, longest: int) -> str:
    """``text`` on one line, not longer than that; what cannot be printed, or is in no font, as a replacement sign."""
    line = " ".join(text.split())
    line = line if len(line) <= longest else f"{line[: longest - 1]}…"
    fonts = _fonts(tuple(_families()))
    return "".join(
        sign if any(font.get_char_index(ord(sign)) for font in fonts) else "\N{REPLACEMENT CHARACTER}" for sign in line
    )


def _families() -> list[str]:
    return [*rcParams["font.family"], *_installed()]


@cache
def _installed() -> tuple[str, ...]:
    known = set(font_manager.get_font_names())
    return tuple(name for name in _WITH_OTHER_SCRIPTS if name in known)


@cache
def _fonts(families: tuple[str, ...]) -> list[FT2Font]:
    return [
        font_manager.get_font(font_manager.findfont(font_manager.FontProperties(family=[name]))) for name in families
    ]
