"""Many rows in few bytes: rows that have the same fields share their names, and a value that all of them have.

::

    group  [positions, {field: values}]     positions: where in the list each row stands, null for "all of it"
                                            values: one for each row, or a single one that all of them have

Times (:data:`TIMES`) are told as milliseconds before the message's own time. ``static/store.js`` reads groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from ._rows import Row

TIMES = frozenset({"created", "started", "updated", "finished", "cancel_asked", "heard"})
"""The fields that are times."""

Group = list[Any]
Alike = Mapping[tuple[bool, ...], tuple[list[int], list[tuple[Any, ...]]]]
"""By which of their values changed: the positions of rows, and all the values of each."""


def grouped(rows: Iterable[tuple[int, Row]], count: int, at_ms: int) -> list[Group]:
    """Rows or changes of rows, each with its position in a list of ``count``, as groups of a message of ``at_ms``."""
    alike: dict[frozenset[str], tuple[list[int], list[Row]]] = {}
    for position, fields in rows:
        positions, members = alike.setdefault(frozenset(fields), ([], []))
        positions.append(position)
        members.append(fields)
    return [
        _group(positions, {name: [fields[name] for fields in members] for name in members[0]}, count, at_ms)
        for positions, members in alike.values()
    ]


def grouped_values(names: Sequence[str], alike: Alike, count: int, at_ms: int) -> list[Group]:
    """The same of rows that come as values, in the order of ``names``, and put together by what changed."""
    groups = []
    for changed, (positions, members) in alike.items():
        columns = zip(names, map(list, zip(*members, strict=True)), strict=True)
        groups.append(_group(positions, dict(compress(columns, changed)), count, at_ms))
    return groups


def _group(positions: list[int], columns: dict[str, list[Any]], count: int, at_ms: int) -> Group:
    told = {name: _column(name, values, at_ms) for name, values in columns.items()}
    return [None if len(positions) == count else positions, told]


def _column(name: str, values: list[Any], at_ms: int) -> list[Any]:
    if len(values) > 1 and values.count(values[0]) == len(values):
        values = values[:1]
    return [None if value is None else at_ms - value for value in values] if name in TIMES else values
