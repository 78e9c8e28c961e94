"""Data frames in a terminal: the columns asked for, times in words, nothing where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..panel._text import duration_text, plain

if TYPE_CHECKING:
    import pandas as pd

GIVES_WAY = frozenset({"target", "error", "message", "title", "file"})
"""Columns that are cut when a line gets too long; the others keep their width."""


def print_table(console: Console, heading: str, frame: pd.DataFrame, columns: Sequence[str], rows: int) -> None:
    """Print the first ``rows`` of a frame under ``heading``, the call that gives it."""
    lines = box.ASCII2 if console.options.ascii_only else box.SIMPLE_HEAD
    table = Table(box=lines, padding=(0, 1), pad_edge=False, show_edge=False)
    shown = frame.head(rows)
    known = shown.astype("object").where(shown.notna(), None)
    cells = {name: [_cell(value) for value in known[name]] for name in columns}
    for name in columns:
        numbers = getattr(frame[name].dtype, "kind", "O") in "iufm"
        kept = 0 if name in GIVES_WAY else max(map(len, (name, *cells[name])))
        table.add_column(
            name, justify="right" if numbers else "left", min_width=kept, overflow="ellipsis", no_wrap=True
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    more = len(frame) - len(shown)
    console.print(Text.assemble((heading, "bold"), (f"   {more} more rows" if more > 0 else "", "dim")))
    console.print(table if len(frame) else Text("none", style="dim"))
    console.print()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return duration_text(value.total_seconds())
    if isinstance(value, datetime):
        return f"{datetime.fromtimestamp(value.timestamp(), UTC).astimezone():%H:%M:%S}"
    return plain(str(value))
