"""Many rows in few bytes: rows that have the same fields share their names, and a value that all of them have.

::

    group  [positions, {field: values}]     positions: where in the list each row stands, null for "all of it"
                                            values: one for each row, or a single one that all of them have

Times (:data:`TIMES`) are told as milliseconds before the message's own time. ``static/store.js`` reads groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._rows import Row

TIMES = frozenset({"created", "started", "updated", "finished", "cancel_asked", "heard"})
"""The fields that are times."""

Group = list[Any]


def grouped(rows: Iterable[tuple[int, Row]], count: int, at_ms: int) -> list[Group]:
    """Rows or changes of rows, each with its position in a list of ``count``, as groups of a message of ``at_ms``."""
    alike: dict[frozenset[str], tuple[list[int], list[Row]]] = {}
    for position, fields in rows:
        positions, members = alike.setdefault(frozenset(fields), ([], []))
        positions.append(position)
        members.append(fields)
    return [
        [
            None if len(positions) == count else positions,
            {name: _column(name, [fields[name] for fields in members], at_ms) for name in members[0]},
        ]
        for positions, members in alike.values()
    ]


def _column(name: str, values: list[Any], at_ms: int) -> list[Any]:
    if len(values) > 1 and values.count(values[0]) == len(values):
        values = values[:1]
    return [None if value is None else at_ms - value for value in values] if name in TIMES else values
