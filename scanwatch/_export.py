"""``export()``: a table as a file, without loading pandas before there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def export(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to a file; its suffix says how: ``.csv``, ``.xlsx``, ``.html`` or ``.md``. Returns the path.

    The file says which scan the table is of, its target and commit, when it was written and by which version, as far
    as the table knows (``table.attrs``). Text that a spreadsheet would run as a formula has an apostrophe before it.
    In CSV, lines before the table start with ``#``: ``pandas.read_csv(path, comment="#")``.

    Raises:
        UsageError: the suffix is none of those, the file cannot be written there, or that is no table.
        ConfigurationError: Excel files need ``pip install 'scanwatch[excel]'``.
    """
    from .tables import write_table

    return write_table(table, path)
