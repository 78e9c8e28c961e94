"""Columns and their types: how values become an array, and a table is made of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model import (
    ANNOTATION_DIALECTS,
    ARTIFACT_KINDS,
    EVIDENCE_SIGNATURES,
    FINDING_LEVELS,
    EventKind,
    Phase,
    ScanStatus,
)

Values = Sequence[Any]
"""One column's values, ``None`` where not known."""


@dataclass(frozen=True, slots=True)
class Type:
    """A column's type: its name for people and how values become an array of it."""

    name: str
    array: Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; ``meaning`` says its unit where it has one."""

    name: str
    type: Type
    meaning: str


def text(values: Values) -> Any:
    return pd.array(values, dtype="string")


def _count(values: Values) -> Any:
    """Where some are not known through floats, in which ``None`` becomes NaN in one pass; exact up to 2**53."""
    with suppress(TypeError):  # that of the first None
        counts = np.fromiter(values, dtype=np.int64, count=len(values))
        return pd.arrays.IntegerArray(counts, np.zeros(len(values), dtype=np.bool_))
    floats = np.array(values, dtype=np.float64)
    unknown = np.isnan(floats)
    return pd.arrays.IntegerArray(np.where(unknown, 1, floats).astype(np.int64), unknown)


def _flag(values: Values) -> Any:
    return np.array(values, dtype=np.bool_)


def _microseconds(seconds: Values) -> npt.NDArray[np.int64]:
    floats = np.array(seconds, dtype=np.float64)
    unknown = np.isnan(floats)
    microseconds = np.rint(np.where(unknown, 0.0, floats) * 1e6).astype(np.int64)
    microseconds[unknown] = np.iinfo(np.int64).min  # numpy's own mark for "not a time"
    return microseconds


def _time(values: Values) -> Any:
    try:
        made = pd.DatetimeIndex(list(values))
    except ValueError:  # of several zones, or of centuries that pandas counts in microseconds alone
        seconds = [None if value is None else value.timestamp() for value in values]
        made = pd.DatetimeIndex(_microseconds(seconds).view("M8[us]"))
    return (made.tz_localize("UTC") if made.tz is None else made.tz_convert("UTC")).as_unit("us")


def _duration(values: Values) -> Any:
    return pd.TimedeltaIndex(_microseconds(values).view("m8[us]"))


def _words(values: Values, words: Sequence[str], *, ordered: bool) -> Any:
    runs = [(word, len(list(same))) for word, same in groupby(values)]  # most repeat the one before
    code_of: dict[str | None, int] = {word: code for code, word in enumerate(words)}
    code_of[None] = -1
    for word, _ in runs:
        code_of.setdefault(word, len(code_of) - 1)
    lengths = np.array([length for _, length in runs], dtype=np.int64)
    codes = np.repeat(np.array([code_of[word] for word, _ in runs], dtype=np.int64), lengths)
    del code_of[None]
    known = pd.Index([str(word) for word in code_of])
    return pd.Categorical.from_codes(codes, categories=known, ordered=ordered)


def _category(words: Sequence[str], *, ordered: bool) -> Type:
    joined = (" < " if ordered else ", ").join(words)
    return Type(f"category: {joined}", lambda values: _words(values, words, ordered=ordered))


TEXT = Type("text", text)
COUNT = Type("count", _count)
SHARE = Type("number", lambda values: np.array(values, dtype=np.float64))
FLAG = Type("true or false", _flag)
TIME = Type("UTC timestamp", _time)
DURATION = Type("timedelta", _duration)
STATUS = _category([status.value for status in ScanStatus], ordered=True)
PHASE = _category([phase.value for phase in Phase], ordered=True)
EVENT_KIND = _category([kind.value for kind in EventKind], ordered=False)
ARTIFACT_KIND = _category(ARTIFACT_KINDS, ordered=False)
DIALECT = _category(ANNOTATION_DIALECTS, ordered=False)
SIGNATURE = _category(EVIDENCE_SIGNATURES, ordered=False)
RISK = _category(("LOW", "MEDIUM", "HIGH"), ordered=True)
TIER = _category(("IQ", "OQ", "PQ"), ordered=False)
CHANGE = _category(("added", "removed", "changed", "moved"), ordered=False)
LEVEL = _category(FINDING_LEVELS[::-1], ordered=True)

Builder = TypeVar("Builder", bound=Callable[..., pd.DataFrame])


def listed(columns: tuple[Column, ...]) -> Callable[[Builder], Builder]:
    """Append the columns to a builder's docstring, so that they are written once."""
    lines = "\n".join(f"    - ``{column.name}`` ({column.type.name}): {column.meaning}" for column in columns)

    def decorate(build: Builder) -> Builder:
        build.__doc__ = f"{build.__doc__}\n\n    Columns:\n\n{lines}\n    "
        return build

    return decorate


def table(columns: tuple[Column, ...], rows: Sequence[object], own: Mapping[str, Values] | None = None) -> pd.DataFrame:
    """One array per column, from the rows' attribute of its name or from ``own``; never a dictionary per row."""
    derived = own or {}
    arrays = {
        column.name: column.type.array(
            derived[column.name] if column.name in derived else list(map(attrgetter(column.name), rows))
        )
        for column in columns
    }
    return pd.DataFrame(arrays, index=pd.RangeIndex(len(rows)), copy=False)
