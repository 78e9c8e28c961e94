"""Writes into the pages what the code says by itself, when the documentation is built: it cannot be out of date."""

from __future__ import annotations

from typing import Any

from scanwatch.gateway import OPTIONS
from scanwatch.gateway._contracts import as_markdown
from scanwatch.gateway._options import table
from scanwatch.gateway._surface import operations

_MARKS = {
    "<!-- options -->": lambda: table(OPTIONS),
    "<!-- operations -->": lambda: as_markdown(operations()),
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    for mark, write in _MARKS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    return markdown
