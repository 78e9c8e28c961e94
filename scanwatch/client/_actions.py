"""What a session wants done: small typed actions that whoever drives it carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import Event


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask the gateway to push these scans' events (or every scan's) after the cursors in ``after``."""

    scan_ids: tuple[str, ...] = ()
    everything: bool = False
    after: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """Read the gateway's record of a scan."""

    scan_id: str


@dataclass(frozen=True, slots=True)
class FetchEvents:
    """Fetch the page of a scan's events that follows ``after``."""

    scan_id: str
    after: int


@dataclass(frozen=True, slots=True)
class ListScans:
    """Read what scans there are."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A scan's picture changed; ``None``: the connection's did."""

    scan_id: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """These events joined a scan's history, in order, each once."""

    scan_id: str
    events: tuple[Event, ...]


Action = Subscribe | Read | FetchEvents | ListScans | Changed | Heard
