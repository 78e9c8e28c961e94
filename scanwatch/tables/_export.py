"""Tables as files that other programs open: with where they come from, and without a cell that would be run."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from .._version import __version__
from ..errors import ConfigurationError, UsageError

_FORMULA = tuple("=+-@＝＋－＠")
"""What a formula begins with, in full width too, as spreadsheets in East Asia have it."""
_IN_CELLS, _IN_NOTES = (
    re.compile(rf"""([{separators}][\s"]*)(?=[{re.escape("".join(_FORMULA))}])""") for separators in (r";\t\r\n", ",;")
)
"""Where a formula would begin within a text of CSV, if a spreadsheet separates cells by semicolons, as in half of
Europe, or by tabs; in the lines before the table, which are in no quotes, by commas too."""
_ORIGIN = ("scan", "target", "commit", "compared_with", "repository")
_EXCEL_ROWS = 1_048_576 - 20
_EXCEL_CELL = 32_767


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to a file, as :func:`scanwatch.export` says."""
    if not isinstance(table, pd.DataFrame):
        raise UsageError(f"export() writes a table, not {type(table).__name__}; scan.findings() is one, for instance.")
    to = _path(path)
    write = _WRITERS.get(to.suffix.lower())
    if write is None:
        raise UsageError(f"{to.name!r} has none of the suffixes {', '.join(_WRITERS)}; the suffix says what to write.")
    if not to.parent.is_dir():
        raise UsageError(f"There is no folder {str(to.parent)!r} to write {to.name!r} to; make it first.")
    try:
        write(table, to, _origin(table))
    except OSError as error:
        raise UsageError(f"{str(to)!r} cannot be written ({error.strerror or error}); name another file.") from error
    return to


def _path(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except TypeError:
        raise UsageError(f"export() writes to a path, 'findings.csv' for one, not {type(path).__name__}.") from None


def _origin(table: pd.DataFrame) -> Mapping[str, str]:
    known = {name: str(table.attrs[name]) for name in _ORIGIN if table.attrs.get(name)}
    return {**known, "written": datetime.now(UTC).isoformat(timespec="seconds"), "scanwatch": __version__}


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """With the index as columns where it has names."""
    named = any(name is not None for name in table.index.names)
    return table.reset_index(allow_duplicates=True) if named else table


def _said(table: pd.DataFrame, of: Callable[[str], str] = str) -> pd.DataFrame:
    """Every cell as the text that people read, nothing where nothing is known; numbers stay numbers.

    ``of`` is asked for each text: what was no text cannot be a formula.
    """
    flat = _flat(table)
    columns = [_cells(flat.iloc[:, number], of) for number in range(flat.shape[1])]
    said = pd.DataFrame(dict(enumerate(columns)), dtype="object")
    return said.set_axis([of(str(name)) for name in flat.columns], axis=1)


def _cells(column: pd.Series[Any], of: Callable[[str], str]) -> list[Any]:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype("object").where(column.notna(), None).tolist()
    if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        texts = column.astype("object").where(column.notna(), "").tolist()
        written = {value: of(str(value)) for value in set(texts)}  # most repeat
        return [written[value] for value in texts]
    return [of(_text(value)) for value in column]


def _text(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)


def _harmless(text: str) -> str:
    """With an apostrophe before what a spreadsheet would run, blanks and what cannot be seen before it included."""
    runs = text.lstrip().startswith(_FORMULA) or not text[:1].isprintable()
    return f"'{text}" if text and runs else text


def _csv(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        for name, value in origin.items():
            line = " ".join(value.split())
            file.write(_IN_NOTES.sub(r"\1'", f"# {name}: {line}") + "\n")
        # In quotes, # begins no comment.
        _said(table, _harmless_in_csv).to_csv(file, index=False, quoting=csv.QUOTE_NONNUMERIC)


def _harmless_in_csv(text: str) -> str:
    return _IN_CELLS.sub(r"\1'", _harmless(text))


def _excel(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    if len(table) > _EXCEL_ROWS:
        raise UsageError(f"The table has {len(table)} rows, more than Excel takes; write .csv instead.")
    try:
        import openpyxl  # noqa: F401  asked for here, so that the sentence below is true
    except ImportError:
        raise ConfigurationError("Excel files need a library: pip install 'scanwatch[excel]', or write .csv.") from None
    about = pd.DataFrame({"about": list(origin), "": [_for_excel(value) for value in origin.values()]})
    made = BytesIO()  # a disk that is full leaves the library's own archive open
    with pd.ExcelWriter(made, engine="openpyxl") as book:
        _said(table, _for_excel).to_excel(book, sheet_name="table", index=False)
        about.to_excel(book, sheet_name="about", index=False)
    path.write_bytes(made.getbuffer())


def _for_excel(text: str) -> str:
    """Times as text, as Excel knows no zones; without the characters that it takes for a broken file."""
    plain = "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)
    harmless = _harmless(plain)
    return harmless if len(harmless) <= _EXCEL_CELL else f"{harmless[: _EXCEL_CELL - 1]}…"


def _html(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    about = " · ".join(f"{html.escape(name)}: {html.escape(value)}" for name, value in origin.items())
    with pd.option_context("display.max_colwidth", None):  # else long texts are cut
        said = _said(table)
        body = said.where(said.notna(), "").to_html(index=False, escape=True, border=0)
    head = '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>scanwatch</title>'
    path.write_text(f"{head}\n<p>{about}</p>\n{body}</html>\n", encoding="utf-8", errors="replace")


def _markdown(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    said = _said(table)
    lines = [", ".join(f"{name}: {_cell(value)}" for name, value in origin.items()), ""]
    lines += ["| " + " | ".join(map(_cell, said.columns)) + " |", "|" + " --- |" * len(said.columns)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in said.itertuples(index=False, name=None)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")


def _cell(value: Any) -> str:
    """One cell on one line, as it is written: no markup, no link and no picture."""
    words = " ".join(_text(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*\[\]])", r"\\\1", words)


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path, Mapping[str, str]], None]] = {
    ".csv": _csv,
    ".xlsx": _excel,
    ".html": _html,
    ".md": _markdown,
}
