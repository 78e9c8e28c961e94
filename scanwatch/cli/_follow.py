"""Following scans to their ends: as live bars in a terminal, as lines in a pipe, as JSON for a program."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import IO, Any, Protocol

import msgspec
from rich.console import Console
from rich.live import Live

from ..errors import ConnectionClosed, GatewayRefused
from ..model import ConnectionState, Event
from ..panel import Feed
from ..panel._text import event_line, files_text, name_of, plain, scan_line
from ..snapshot import Snapshot
from ._bars import Bars, connection_line

REFRESHES_PER_S = 8
SLICE_S = 0.2
"""How long a change, an interrupt or the end of the time may go unnoticed."""

ALL = 1_000_000


class Telling(Protocol):
    """What shows the scans while they are followed."""

    def tell(self, feed: Feed) -> None:
        """Show what is new."""
        ...


class Nothing:
    """Tells nothing: the bars draw themselves."""

    def tell(self, feed: Feed) -> None: ...


class Told:
    """Which events of which scan were told already, so that each is told once, whenever it turns up."""

    def __init__(self) -> None:
        self._told: dict[str, set[tuple[object, ...]]] = {}

    def fresh(self, feed: Feed, scan_id: str) -> list[Event]:
        """The events of a scan that were not told yet, in order."""
        told = self._told.setdefault(scan_id, set())
        fresh = [event for event in feed.events(scan_id, ALL) if _mark(event) not in told]
        told.update(map(_mark, fresh))
        return fresh


def _mark(event: Event) -> tuple[object, ...]:
    return (event.seq,) if event.seq is not None else (event.time, event.kind, event.progress_percent, event.step)


class Json:
    """Every event as a line of JSON, its keys those of :class:`scanwatch.model.Event`."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._told = Told()

    def tell(self, feed: Feed) -> None:
        for snapshot in reversed(feed.snapshots()):
            for event in self._told.fresh(feed, snapshot.scan_id):
                self._out.write(msgspec.json.encode(event).decode() + "\n")
        self._out.flush()


class Lines:
    """A line for each phase, attempt and end, and for trouble with the connection; none for mere progress."""

    def __init__(self, out: IO[str], trouble: IO[str]) -> None:
        self._out = out
        self._trouble = trouble
        self._told = Told()
        self._where: dict[str, tuple[object, ...]] = {}
        self._ended: set[str] = set()
        self._connection: str | None = None

    def tell(self, feed: Feed) -> None:
        self._tell_connection(feed)
        for snapshot in reversed(feed.snapshots()):
            for event in self._told.fresh(feed, snapshot.scan_id):
                self._tell_event(snapshot, event)
            if snapshot.terminal and snapshot.scan_id not in self._ended:
                self._ended.add(snapshot.scan_id)
                self._line(snapshot.finished_at or snapshot.updated_at, scan_line(snapshot, _now()))
        self._out.flush()

    def _tell_event(self, snapshot: Snapshot, event: Event) -> None:
        where = (event.attempt, event.phase or event.step)
        moved = where != self._where.get(snapshot.scan_id)
        self._where[snapshot.scan_id] = where
        # A final event is told with its scan, once its end is confirmed.
        if (moved or event.turn) and not (event.terminal and event.seq):
            self._line(event.time, f"{plain(name_of(snapshot))}  {plain(_words(event))}")

    def _tell_connection(self, feed: Feed) -> None:
        line = connection_line(feed.connection())
        text = None if line is None else line.plain
        if text is not None and text != self._connection:
            self._trouble.write(f"{text}\n")
        self._connection = text

    def _line(self, moment: datetime | None, text: str) -> None:
        clock = "" if moment is None else f"{moment.astimezone():%H:%M:%S}  "
        self._out.write(f"{clock}{text}\n")


def _words(event: Event) -> str:
    if event.turn or event.terminal:
        return event_line(event)
    phase = event.phase.value if event.phase else event.step or "in progress"
    return " ".join(part for part in (phase.capitalize(), files_text(event)) if part)


def screen(**options: Any) -> Console:
    """Standard output; a pipe is none, also where colours are forced, as kernels do with ``FORCE_COLOR``."""
    return Console(force_terminal=None if sys.stdout.isatty() else False, **options)


def follow(
    feed: Feed, console: Console, *, until_ended: bool = True, timeout_s: float | None = None
) -> Sequence[Snapshot]:
    """Show the feed's scans until all have ended or are lost, as bars or as lines; how they stand then.

    Args:
        feed: the scans.
        console: where they are shown; bars are drawn if it is a terminal that can move its cursor.
        until_ended: ``False`` goes on for ever: new scans may come.
        timeout_s: seconds after which it returns all the same.

    Raises:
        GatewayRefused: the gateway does not let this client in any more.
        ConnectionClosed: the client was closed.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        return _watch(feed, Lines(console.file, sys.stderr), until_ended, timeout_s)
    bars = Bars(feed.snapshots, feed.connection, _now)
    with Live(bars, console=console, refresh_per_second=REFRESHES_PER_S) as live:
        snapshots = _watch(feed, Nothing(), until_ended, timeout_s)
        live.refresh()
    return snapshots


def follow_as_json(
    feed: Feed,
    out: IO[str],
    fetch_rest: Callable[[], object],
    *,
    until_ended: bool = True,
    timeout_s: float | None = None,
) -> Sequence[Snapshot]:
    """As :func:`follow`, with every event as a line of JSON.

    A scan may have ended before its history is at hand; ``fetch_rest`` brings it, so that no event is left out.
    """
    telling = Json(out)
    snapshots = _watch(feed, telling, until_ended, timeout_s)
    if all(snapshot.terminal for snapshot in snapshots):
        fetch_rest()
        telling.tell(feed)
    return snapshots


def _watch(feed: Feed, telling: Telling, until_ended: bool, timeout_s: float | None) -> Sequence[Snapshot]:
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    changed = threading.Event()
    forget = feed.on_change(lambda _scan_id: changed.set())
    try:
        while True:
            changed.clear()
            snapshots = feed.snapshots()
            telling.tell(feed)
            if until_ended and all(snapshot.terminal or feed.lost(snapshot.scan_id) for snapshot in snapshots):
                return snapshots
            _check(feed)
            if deadline is not None and time.monotonic() >= deadline:
                return snapshots
            changed.wait(SLICE_S)
    finally:
        forget()


def _check(feed: Feed) -> None:
    connection = feed.connection()
    if connection.state is ConnectionState.REFUSED:
        raise GatewayRefused(connection.reason or f"The gateway at {connection.gateway} does not let this client in.")
    if connection.state is ConnectionState.CLOSED:
        raise ConnectionClosed(connection.reason or "The client was closed.")


def _now() -> datetime:
    return datetime.now(UTC)
