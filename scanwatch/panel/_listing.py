"""Which scans a panel lists, and in which order: what ``static/listing.js`` does, for :meth:`Panel.scans`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..errors import UsageError
from ..model import TERMINAL, WAITING, Phase, ScanStatus
from ..snapshot import Snapshot
from ._text import STALLED_AFTER_S, name_of

STATES = ("all", "in_progress", "queued", "completed", "failed", "cancelled", "stalled")
ORDERS = ("newest", "oldest", "name")
EVERYTHING: Mapping[str, Any] = {"state": "all", "text": "", "mine": False, "order": "newest"}
"""The filters of a panel that shows all."""


def read_filters(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given``, with what it leaves out.

    Raises:
        UsageError: a filter is misspelt, or has a value there is none of.
    """
    for name in given:
        _check("filter", str(name), tuple(EVERYTHING))
    filters = {**EVERYTHING, **given}
    _check("state", filters["state"], STATES)
    _check("order", filters["order"], ORDERS)
    if not isinstance(filters["text"], str) or not isinstance(filters["mine"], bool):
        raise UsageError("A panel's filter 'text' is a text, and 'mine' is True or False.")
    return filters


def _check(what: str, word: object, known: Sequence[str]) -> None:
    if word in known:
        return
    close = difflib.get_close_matches(str(word), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."
    raise UsageError(f"A panel knows no {what} {word!r}; {hint}")


def listed(
    snapshots: Sequence[Snapshot], filters: Mapping[str, Any], *, now: datetime, caller: str | None
) -> list[Snapshot]:
    """Those of ``snapshots``, newest first, that pass, in the order that is asked for."""
    needle = filters["text"].strip().lower()
    shown = [
        snapshot
        for snapshot in snapshots
        if (not filters["mine"] or snapshot.requested_by == caller)
        and _has_state(snapshot, filters["state"], now)
        and (not needle or _says(snapshot, needle))
    ]
    if filters["order"] == "oldest":
        shown.reverse()
    if filters["order"] == "name":
        shown.sort(key=lambda snapshot: name_of(snapshot).lower())
    return shown


def _has_state(snapshot: Snapshot, state: str, now: datetime) -> bool:
    if state == "all":
        return True
    if state == "stalled":
        return is_stalled(snapshot, now)
    if snapshot.status in TERMINAL:
        return snapshot.status == state
    return state == ("queued" if snapshot.status in WAITING else "in_progress")


def is_stalled(snapshot: Snapshot, now: datetime) -> bool:
    """Whether a scan that works has been silent for long; between two attempts nobody works."""
    if snapshot.status is not ScanStatus.IN_PROGRESS or snapshot.updated_at is None:
        return False
    waits = snapshot.attempt > 1 and snapshot.phase is Phase.QUEUED
    return not waits and (now - snapshot.updated_at).total_seconds() >= STALLED_AFTER_S


def _says(snapshot: Snapshot, needle: str) -> bool:
    words = (name_of(snapshot), snapshot.target, snapshot.message, snapshot.error, snapshot.scan_id)
    return any(needle in text.lower() for text in words if text)
