"""Writes into the pages what the code says by itself, when the documentation is built: it cannot be out of date."""

from __future__ import annotations

from typing import Any

from scanwatch.gateway import OPTIONS
from scanwatch.gateway._contracts import as_markdown
from scanwatch.gateway._options import table
from scanwatch.gateway._surface import operations
from scanwatch.scanners.repository.rules import RULES
from scanwatch.scanners.repository.source.languages import LANGUAGES
from scanwatch.scanners.repository.source.selection import EXCLUDED


def _rules() -> str:
    rows = [f"| `{rule.id}` | {rule.level} | {rule.sentence} | {rule.remedy} |" for rule in RULES]
    return "\n".join(["| rule | level | what should be so | where it is not |", "| --- | --- | --- | --- |", *rows])


def _languages() -> str:
    rows = [f"| {one.name} | {' '.join(f'`{name}`' for name in (*one.suffixes, *one.files))} |" for one in LANGUAGES]
    return "\n".join(["| language | files |", "| --- | --- |", *rows])


_MARKS = {
    "<!-- options -->": lambda: table(OPTIONS),
    "<!-- operations -->": lambda: as_markdown(operations()),
    "<!-- rules -->": _rules,
    "<!-- languages -->": _languages,
    "<!-- exclusions -->": lambda: " ".join(f"`{pattern}`" for pattern in EXCLUDED),
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    for mark, write in _MARKS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    return markdown
