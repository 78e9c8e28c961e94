"""Scans on a screen: the live panel, and the same as text and HTML.

``Panel`` loads on first use: the text forms must work where no widget library is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._feed import Feed

if TYPE_CHECKING:
    from ._panel import Panel

__all__ = ["Feed", "Panel"]


def __getattr__(name: str) -> Any:
    if name == "Panel":
        from ._panel import Panel

        return Panel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
