"""The browser side's modules, joined into the single one a widget may have.

The files under ``static`` are ordinary ES modules, so a page or a test imports them as they are. A widget hands over
one text: here their imports of each other and all exports but the last module's default are taken out.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

MODULES = (
    "words.js",
    "progress.js",
    "store.js",
    "facts.js",
    "listing.js",
    "selection.js",
    "icons.js",
    "elements.js",
    "rows.js",
    "details.js",
    "head.js",
    "trigger.js",
    "filters.js",
    "notes.js",
    "foot.js",
    "card.js",
    "list.js",
    "table.js",
    "view.js",
    "panel.js",
)
"""Each before those that import it."""

SHEETS = ("theme.css", "panel.css", "widths.css")
"""Later ones win."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default\b)", re.MULTILINE)


@cache
def script() -> str:
    """The whole browser side as one ES module."""
    parts = [_EXPORT.sub("", _IMPORT.sub("", _read(name))) for name in MODULES]
    return "\n".join(parts)


@cache
def stylesheet() -> str:
    """The panel's style sheet."""
    return "\n".join(_read(name) for name in SHEETS)


def _read(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")
