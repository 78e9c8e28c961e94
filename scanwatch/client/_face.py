"""What both faces do with their arguments before they ask."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..model import ScanStatus
from ..wire import is_id
from ._address import Relocate, Token, Verify, parse_address
from ._batch import BatchState
from ._core import Core
from ._feed import ClientFeed
from ._state import ScanState

if TYPE_CHECKING:
    from ..panel import Feed, Panel


def live_core(url: str, token: Token, verify: Verify = None, relocate: Relocate | None = None) -> Core:
    """The core of a client of the gateway at ``url``; connecting begins at once."""
    address = parse_address(url, token, verify)
    address.current_token()
    from ._live import LiveTransport

    return Core(lambda: LiveTransport(address, relocate))


Shown = ScanState | str | BatchState[Any]
"""What a panel can show: a handle, an id, or a batch."""


async def watched_feed(core: Core, shown: Sequence[Shown], make_handle: Callable[[Core, str], ScanState]) -> ClientFeed:
    """A feed of what is to be shown, watched from now on; nothing: every scan, those to come included."""
    ids = _ids_of(shown)
    if ids or not shown:
        await core.watch(ids)
    feed = ClientFeed(core, ids if shown else None, make_handle)
    for one in shown:
        if isinstance(one, BatchState):
            feed.follow(one)
    return feed


def _ids_of(shown: Iterable[Shown]) -> list[str]:
    """The ids of handles and ids.

    Raises:
        UsageError: one is neither.
    """
    ids = []
    for one in shown:
        if isinstance(one, BatchState):
            continue
        scan_id = one.id if isinstance(one, ScanState) else one
        if not isinstance(scan_id, str) or not is_id(scan_id):
            raise UsageError(f"watch() takes scans or their ids, each an argument of its own, or a batch, not {one!r}.")
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
