"""The rows as a panel's browser side knows them, and what to tell it of those that have changed.

Thousands of rows change several times a second, and most of them only go on. Of such a row the moving values are made
and compared as one tuple, and it is put at once with the rows of which the same values changed; nothing else is made
for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import ne
from typing import Any

from ..snapshot import Snapshot
from ._groups import Group, grouped, grouped_values
from ._rows import MOVING, SKETCH, Row, moving_values, sketch, steady_fields, steady_key

CLOCKS_AGREE_MS = 3000
"""An event that took less from the gateway's clock to ours, a rest included, is taken to have come at its own time."""

_NAMES = (*MOVING, "heard")
_UPDATED = MOVING.index("updated")


@dataclass(slots=True)
class _Told:
    """One row as it was told: its snapshot, its steady fields and what they are made of, its values of ``_NAMES``."""

    snapshot: Snapshot
    key: tuple[Any, ...]
    steady: Row
    values: tuple[Any, ...]

    def row(self) -> Row:
        return self.steady | _known(dict(zip(_NAMES, self.values, strict=True)))


class News:
    """Rows that have changed, each with its position in the list."""

    def __init__(self) -> None:
        self.count = 0
        self.ended = False
        """Whether a scan has ended."""
        self._changed: list[tuple[int, Row]] = []
        self._gone_on: dict[tuple[bool, ...], tuple[list[int], list[tuple[Any, ...]]]] = {}

    def changed(self, position: int, fields: Row) -> None:
        """Of the row at ``position`` these fields changed."""
        self.count += 1
        self._changed.append((position, fields))

    def went_on(self, position: int, which: tuple[bool, ...], values: tuple[Any, ...]) -> None:
        """The row at ``position`` has the moving ``values`` now, ``which`` of them say that they are new."""
        self.count += 1
        positions, members = self._gone_on.setdefault(which, ([], []))
        positions.append(position)
        members.append(values)

    def groups(self, count: int, at_ms: int) -> list[Group]:
        """All of it, for a message of ``at_ms`` about a list of ``count`` rows."""
        going_on = grouped_values(_NAMES, self._gone_on, count, at_ms)
        return going_on + grouped(self._changed, count, at_ms)


class ToldRows:
    """What was told of each scan. Not thread-safe: only whoever tells uses it."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def __len__(self) -> int:
        return len(self._told)

    def take(self, scans: Iterable[Snapshot], at_ms: int, ahead_s: float | None) -> News:
        """Take ``scans``, in the list's order, as told at ``at_ms``; what is new of them.

        ``ahead_s`` is how far the gateway's clock is ahead of ours; ``None`` where that is not known.
        """
        news = News()
        for position, scan in enumerate(scans):
            told = self._told.get(scan.scan_id)
            if told is None or told.snapshot is not scan:
                self._take(news, position, scan, told, (at_ms, ahead_s))
        return news

    def _take(
        self, news: News, position: int, scan: Snapshot, told: _Told | None, clocks: tuple[int, float | None]
    ) -> None:
        key, moving = steady_key(scan), moving_values(scan)
        values = (*moving, _heard_ms(moving[_UPDATED], told, *clocks))
        if told is not None and told.key == key:
            which = tuple(map(ne, told.values, values))
            told.snapshot, told.values = scan, values
            if True in which:
                news.went_on(position, which, values)
            return
        now = self._told[scan.scan_id] = _Told(scan, key, _known(steady_fields(scan)), values)
        fields = _changes({} if told is None else told.row(), now.row())
        if fields:
            news.changed(position, fields)
        news.ended = news.ended or (scan.terminal and not (told and told.snapshot.terminal))

    def drop(self, scan_ids: Iterable[str]) -> None:
        """Forget rows that are gone."""
        for scan_id in scan_ids:
            self._told.pop(scan_id, None)

    def everything(self, scans: Mapping[str, Snapshot], at_ms: int) -> list[Group]:
        """All rows as told, for a message of ``at_ms``; of ``scans`` that were not told yet, what counts them."""
        rows: list[tuple[int, Row]] = []
        places: list[int] = []
        sketches: list[tuple[Any, ...]] = []
        for position, (scan_id, scan) in enumerate(scans.items()):
            told = self._told.get(scan_id)
            if told is not None:
                rows.append((position, told.row()))
            else:
                places.append(position)
                sketches.append(sketch(scan))
        untold = {(True,) * len(SKETCH): (places, sketches)} if places else {}
        return grouped(rows, len(scans), at_ms) + grouped_values(SKETCH, untold, len(scans), at_ms)

    def are(self, scans: Sequence[Snapshot]) -> bool:
        """Whether these scans, and no others, were told as they stand."""
        told = self._told
        return len(scans) == len(told) and all(
            (one := told.get(scan.scan_id)) is not None and one.snapshot is scan for scan in scans
        )

    def all_ended(self) -> bool:
        """Whether all scans were told to have ended."""
        return all(one.snapshot.terminal for one in self._told.values())


def _known(fields: Row) -> Row:
    return {name: value for name, value in fields.items() if value is not None}


def _changes(before: Row, after: Row) -> Row:
    """What makes one row into the other; a field that is gone comes as ``None``."""
    changed: Row = dict.fromkeys(before.keys() - after.keys())
    return changed | {name: value for name, value in after.items() if before.get(name) != value}


def _heard_ms(updated_ms: int | None, told: _Told | None, at_ms: int, ahead_s: float | None) -> int | None:
    """When the newest event came here, where that differs from its own time: the gateway's clock may be off."""
    if updated_ms is None:
        return None
    if told is not None and told.values[_UPDATED] == updated_ms:
        return told.values[-1]  # type: ignore[no-any-return]
    here_ms = updated_ms - round((ahead_s or 0.0) * 1000)
    # Where nobody knows how the clocks differ, news is of this moment.
    heard_ms = at_ms if ahead_s is None and told is not None else min(at_ms, here_ms)
    return None if abs(heard_ms - updated_ms) < CLOCKS_AGREE_MS else heard_ms
