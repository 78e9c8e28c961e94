"""What both faces do with their arguments before they ask."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..model import ScanStatus
from ..wire import is_id
from ._address import Relocate, Token, parse_address
from ._core import Core
from ._state import ScanState

if TYPE_CHECKING:
    from ..panel import Feed, Panel


def live_core(url: str, token: Token, relocate: Relocate | None = None) -> Core:
    """The core of a client of the gateway at ``url``; connecting begins at once."""
    address = parse_address(url, token)
    address.current_token()
    from ._live import LiveTransport

    return Core(lambda: LiveTransport(address, relocate))


def ids_of(scans: Iterable[ScanState | str]) -> list[str]:
    """The ids of handles and ids.

    Raises:
        UsageError: one is neither.
    """
    ids = []
    for scan in scans:
        scan_id = scan.id if isinstance(scan, ScanState) else scan
        if not isinstance(scan_id, str) or not is_id(scan_id):
            raise UsageError(f"watch() takes scans or their ids, each an argument of its own, not {scan!r}.")
        ids.append(scan_id.lower())
    return ids


def panel_of(feed: Feed, options: Mapping[str, Any]) -> Panel:
    """A panel of what ``feed`` brings; raises ``UsageError`` for a misspelt option."""
    from ..panel import Panel

    return Panel(feed, **options)


def read_statuses(status: str | ScanStatus | Iterable[str] | None) -> frozenset[str]:
    """The statuses asked for; empty: all.

    Raises:
        UsageError: a word is no status; the message names the one that was meant.
    """
    words = [] if status is None else [status] if isinstance(status, str) else list(status)
    for word in words:
        if word not in set(ScanStatus):
            close = difflib.get_close_matches(str(word), list(ScanStatus), n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(ScanStatus)}."
            raise UsageError(f"{word!r} is no status of a scan; {hint}")
    return frozenset(str(word) for word in words)
