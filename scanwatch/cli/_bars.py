"""Live bars in a terminal: one line a scan, five segments a bar, readable without colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..model import WORK_PHASES, Connection, ConnectionState, Phase, ScanStatus
from ..panel._text import (
    artifacts_of,
    count_text,
    duration_text,
    files_text,
    name_of,
    percent_text,
    plain,
    remaining_text,
    state_word,
)
from ..snapshot import Snapshot, eta_s, phase_share

SEGMENT, NARROW_SEGMENT = 4, 2
"""Cells of one phase's segment, in a wide terminal and in a narrow one."""

_WIDE = 100
_OTHER_LINES = 3


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is drawn; ``ascii_icon`` is for terminals that know no better."""

    icon: str
    ascii_icon: str
    style: str


_LOOKS = {
    "Queued": Look("◌", ".", "dim"),
    "In progress": Look("◔", ">", "blue"),
    "Retrying": Look("↻", "R", "blue"),
    "Stalled": Look("▲", "!", "yellow"),
    "Cancelling": Look("◍", "c", "dim"),
    "Completed": Look("✔", "+", "green"),
    "Failed": Look("✖", "x", "red"),
    "Cancelled": Look("⊖", "-", "dim"),
}
_CONNECTION_STYLES = {ConnectionState.REFUSED: "red", ConnectionState.CLOSED: "dim"}


class Bars:
    """What :class:`rich.live.Live` draws, again and again: the scans as they stand at this moment."""

    def __init__(
        self,
        snapshots: Callable[[], Sequence[Snapshot]],
        connection: Callable[[], Connection],
        now: Callable[[], datetime],
    ) -> None:
        self._snapshots = snapshots
        self._connection = connection
        self._now = now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        snapshots = self._snapshots()
        room = max(1, (options.height or console.height) - _OTHER_LINES)
        shown = _most_alive(snapshots, room)
        yield _table(shown, self._now(), wide=options.max_width >= _WIDE, plain_ascii=options.ascii_only)
        if len(shown) < len(snapshots):
            yield Text(f"and {count_text(len(snapshots) - len(shown))} more", style="dim")
        trouble = connection_line(self._connection())
        if trouble is not None:
            yield trouble


def _most_alive(snapshots: Sequence[Snapshot], room: int) -> list[Snapshot]:
    """As many as there is room for: first what still runs; the order stays."""
    if len(snapshots) <= room:
        return list(snapshots)
    chosen = {snapshot.scan_id for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.terminal)[:room]}
    return [snapshot for snapshot in snapshots if snapshot.scan_id in chosen]


def _table(snapshots: Sequence[Snapshot], now: datetime, *, wide: bool, plain_ascii: bool) -> Table:
    segment = SEGMENT if wide else NARROW_SEGMENT
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=13, no_wrap=True)
    table.add_column(min_width=12, max_width=28, no_wrap=True, overflow="ellipsis")
    table.add_column(width=len(WORK_PHASES) * (segment + 1) - 1, no_wrap=True)
    table.add_column(width=5, justify="right", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    if wide:
        table.add_column(width=17, justify="right", no_wrap=True, overflow="ellipsis")
    for snapshot in snapshots:
        look = _LOOKS[state_word(snapshot, now)]
        cells = [
            Text(f"{look.ascii_icon if plain_ascii else look.icon} {state_word(snapshot, now)}", style=look.style),
            Text(plain(name_of(snapshot)), style="" if snapshot.terminal else "bold"),
            bar(snapshot, look.style, segment, plain_ascii=plain_ascii),
            Text(percent_text(snapshot)),
            Text(_detail(snapshot), style="red" if snapshot.status is ScanStatus.FAILED else "dim"),
        ]
        table.add_row(*cells, *([Text(_times(snapshot, now), style="dim")] if wide else []))
    return table


def bar(snapshot: Snapshot, style: str, segment: int, *, plain_ascii: bool) -> Text:
    """Five segments of so many cells: thick is done, thin is to come, and the one in between is partly so."""
    done, to_come = ("#", "-") if plain_ascii else ("━", "─")
    segments = []
    for phase in WORK_PHASES:
        filled = int(_share_done(snapshot, phase) * segment)
        segments.append(Text.assemble((done * filled, style), (to_come * (segment - filled), "dim")))
    return Text(" ").join(segments)


def _share_done(snapshot: Snapshot, phase: Phase) -> float:
    if snapshot.status is ScanStatus.COMPLETED:
        return 1.0
    if snapshot.phase not in WORK_PHASES or snapshot.phase is None:
        return 0.0
    ahead = WORK_PHASES.index(snapshot.phase) - WORK_PHASES.index(phase)
    return 1.0 if ahead > 0 else (phase_share(snapshot) or 0.0) if ahead == 0 else 0.0


def _detail(snapshot: Snapshot) -> str:
    if snapshot.status is ScanStatus.FAILED:
        return plain(snapshot.error or "no reason given")
    parts = [f"attempt {snapshot.attempt}"] if snapshot.attempt > 1 else []
    if snapshot.phase in WORK_PHASES and snapshot.phase is not None and not snapshot.terminal:
        parts.append(" ".join(part for part in (snapshot.phase.value.capitalize(), files_text(snapshot)) if part))
    artifacts = artifacts_of(snapshot)
    if artifacts is not None:
        parts.append(f"{count_text(artifacts)} artifact{'' if artifacts == 1 else 's'}")
    said = snapshot.current_file or snapshot.message
    if said and not snapshot.terminal:
        parts.append(plain(said))
    return ", ".join(parts)


def _times(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.duration_s is not None:
        return duration_text(snapshot.duration_s)
    begun = snapshot.started_at or snapshot.created_at
    if begun is None or snapshot.terminal:
        return ""
    elapsed = duration_text((now - begun).total_seconds())
    left_s = eta_s(snapshot, now)
    return elapsed if left_s is None else f"{remaining_text(left_s)}  {elapsed}"


def connection_line(connection: Connection) -> Text | None:
    """How the connection stands, if that is worth a line."""
    if connection.state is ConnectionState.LIVE:
        return None
    word = connection.state.value.capitalize()
    text = f"{word}: {connection.reason}" if connection.reason else f"{word}: {connection.gateway}"
    return Text(plain(text), style=_CONNECTION_STYLES.get(connection.state, "yellow"))
