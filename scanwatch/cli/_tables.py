"""Data frames in a terminal: the columns asked for, times in words, nothing where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..panel._text import duration_text, plain

if TYPE_CHECKING:
    import pandas as pd


def print_table(console: Console, heading: str, frame: pd.DataFrame, columns: Sequence[str], rows: int) -> None:
    """Print the first ``rows`` of a frame under ``heading``, the call that gives it."""
    table = Table(box=box.SIMPLE_HEAD if not console.options.ascii_only else box.ASCII2, padding=(0, 1), pad_edge=False)
    for name in columns:
        numbers = getattr(frame[name].dtype, "kind", "O") in "iufm"
        table.add_column(name, justify="right" if numbers else "left", overflow="ellipsis", no_wrap=True)
    shown = frame.head(rows)
    known = shown.astype("object").where(shown.notna(), None)
    for values in zip(*(known[name] for name in columns), strict=True):
        table.add_row(*(Text(_cell(value)) for value in values))
    more = len(frame) - len(shown)
    console.print(Text.assemble((heading, "bold"), (f"   {more} more rows" if more > 0 else "", "dim")))
    console.print(table if len(frame) else Text("  none\n", style="dim"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return duration_text(value.total_seconds())
    if isinstance(value, datetime):
        return value.astimezone().strftime("%H:%M:%S")
    return plain(str(value))
