"""Tables as files that other programs open: with where they come from, and without a cell that would be run."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from .._version import __version__
from ..errors import UsageError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ORIGIN = ("scan", "target", "commit", "compared_with", "repository")
_EXCEL_ROWS = 1_048_576 - 20


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to a file, as :func:`scanwatch.export` says."""
    to = Path(path)
    write = _WRITERS.get(to.suffix.lower())
    if write is None:
        raise UsageError(f"{to.name!r} has none of the suffixes {', '.join(_WRITERS)}; the suffix says what to write.")
    if not to.parent.is_dir():
        raise UsageError(f"There is no folder {str(to.parent)!r} to write {to.name!r} to; make it first.")
    write(table, to, _origin(table))
    return to


def _origin(table: pd.DataFrame) -> Mapping[str, str]:
    known = {name: str(table.attrs[name]) for name in _ORIGIN if table.attrs.get(name)}
    return {**known, "written": datetime.now(UTC).isoformat(timespec="seconds"), "scanwatch": __version__}


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """With the index as a column where it has a name."""
    return table.reset_index() if table.index.name else table


def _said(table: pd.DataFrame) -> pd.DataFrame:
    """Every cell as the text that people read; nothing where nothing is known."""
    flat = _flat(table)
    return pd.DataFrame({str(name): [_text(value) for value in flat[name]] for name in flat.columns}, dtype="object")


def _text(value: Any) -> str:
    if value is None or (not isinstance(value, list | tuple) and pd.isna(value)):
        return ""
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    said = _harmless_cells(table)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {' '.join(value.split())}\n" for name, value in origin.items())
        said.to_csv(file, index=False)


def _harmless_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers stay numbers: what was no text cannot be a formula."""
    flat, said = _flat(table), _said(table)
    for name, source in zip(said.columns, flat.columns, strict=True):
        if not pd.api.types.is_numeric_dtype(flat[source]):
            said[name] = [_harmless(value) for value in said[name]]
    return said


def _excel(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    if len(table) > _EXCEL_ROWS:
        raise UsageError(f"The table has {len(table)} rows, more than Excel takes; write .csv instead.")
    try:
        import openpyxl  # noqa: F401  asked for here, so that the sentence below is true
    except ImportError:
        raise UsageError("Excel files need a library: pip install 'scanwatch[excel]', or write .csv.") from None
    about = pd.DataFrame({"about": list(origin), "": [_harmless(value) for value in origin.values()]})
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        _for_excel(table).to_excel(book, sheet_name="table", index=False)
        about.to_excel(book, sheet_name="about", index=False)


def _for_excel(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, everything else as harmless text: Excel knows no time zones, and runs what starts with =."""
    flat, said = _flat(table), _harmless_cells(table)
    for name, source in zip(said.columns, flat.columns, strict=True):
        if pd.api.types.is_numeric_dtype(flat[source]):
            said[name] = flat[source].astype("object").where(flat[source].notna(), None)
        else:
            said[name] = [_without_controls(value) for value in said[name]]
    return said


def _without_controls(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def _html(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    about = " · ".join(f"{html.escape(name)}: {html.escape(value)}" for name, value in origin.items())
    body = _said(table).to_html(index=False, escape=True, border=0)
    head = '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>scanwatch</title>'
    path.write_text(f"{head}\n<p>{about}</p>\n{body}</html>\n", encoding="utf-8")


def _markdown(table: pd.DataFrame, path: Path, origin: Mapping[str, str]) -> None:
    said = _said(table)
    lines = [", ".join(f"{name}: {_cell(value)}" for name, value in origin.items()), ""]
    lines += ["| " + " | ".join(map(_cell, said.columns)) + " |", "|" + " --- |" * len(said.columns)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in said.itertuples(index=False, name=None)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("<", "&lt;").replace("`", "\\`")


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path, Mapping[str, str]], None]] = {
    ".csv": _csv,
    ".xlsx": _excel,
    ".html": _html,
    ".md": _markdown,
}
