"""The options of a simulated scan, read and checked: ``sim://acme/payments?files=150&fail=fetch:1``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NoReturn, TypeVar
from zlib import crc32

from ..errors import ScannerError
from ..model import WORK_PHASES, FailureCode, Phase

Choice = TypeVar("Choice")

MAX_FILES = 100_000
SPEED_VARIABLE = "SCANWATCH_SIM_SPEED"

_FINAL = frozenset({FailureCode.INVALID, FailureCode.NOT_FOUND})
"""Failures that another attempt cannot help."""


class Quirk(StrEnum):
    """How a simulated scan misbehaves, as scans in the field do."""

    SILENT = "silent"
    """It reports nothing at all."""
    BACKWARDS = "backwards"
    """Its counts fall back now and then."""
    NO_TOTALS = "no_totals"
    """It never says how many files there are."""
    BURST = "burst"
    """It reports every file of a phase at once."""
    MASKED = "masked"
    """From the second failing attempt on it complains of the first, which hides the cause."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Fail half way through ``phase``: the first ``attempts`` attempts, or all (``None``)."""

    phase: Phase
    attempts: int | None = None
    code: FailureCode = FailureCode.INTERNAL

    @property
    def retryable(self) -> bool:
        """Whether the error says that another attempt may help."""
        return self.code not in _FINAL


@dataclass(frozen=True, slots=True)
class Stall:
    """Fall silent half way through ``phase``, for some seconds or until cancelled (``None``)."""

    phase: Phase
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulated scan was asked to be; ``None`` leaves the choice to the seed."""

    files: int = 120
    duration_s: float = 6.0
    seed: int = 0
    artifacts: int | None = None
    findings: int | None = None
    fail: Failure | None = None
    stall: Stall | None = None
    quirk: Quirk | None = None


class _Reader:
    """Turns one scan's raw options into values; every complaint names the target, the option and the remedy."""

    def __init__(self, target: str) -> None:
        self._target = target

    def read(self, raw: Mapping[str, Any]) -> Options:
        """All options; raises ``ScannerError`` with code ``invalid``."""
        readers: dict[str, Callable[[str, Any], Any]] = {
            "files": self._count,
            "duration_s": self._seconds,
            "seed": self._whole,
            "artifacts": self._count,
            "findings": self._count,
            "fail": self._failure,
            "stall": self._stall,
            "quirk": self._quirk,
        }
        assert readers.keys() == {field.name for field in fields(Options)}
        for name in raw:
            if name not in readers:
                self._unknown(f"has no option {name!r}", name, readers)
        given = {name: readers[name](name, value) for name, value in raw.items() if value is not None}
        return Options(**given)

    def _whole(self, name: str, value: Any) -> int:
        try:
            if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
                raise ValueError  # noqa: TRY301 the same complaint as for what int() refuses
            return int(value)
        except (TypeError, ValueError, OverflowError):
            self._refuse(name, value, "a whole number")

    def _count(self, name: str, value: Any) -> int:
        number = self._whole(name, value)
        if not 0 <= number <= MAX_FILES:
            self._refuse(name, value, f"from 0 to {MAX_FILES}")
        return number

    def _seconds(self, name: str, value: Any) -> float:
        try:
            seconds = float(value)
        except (TypeError, ValueError, OverflowError):
            seconds = math.nan
        if isinstance(value, bool) or not 0 <= seconds < math.inf:
            self._refuse(name, value, "a number of seconds, 0 or more")
        return seconds

    def _failure(self, name: str, value: Any) -> Failure:
        phase, *rest = str(value).split(":")
        attempts = None
        if rest and rest[0].isdecimal():
            attempts = self._count(name, rest.pop(0))
        if len(rest) > 1:
            self._refuse(name, value, "PHASE, PHASE:ATTEMPTS or PHASE:ATTEMPTS:CODE")
        codes = {code.value: code for code in FailureCode if code is not FailureCode.CANCELLED}
        code = self._one_of(name, rest[0], codes, "failure code") if rest else FailureCode.INTERNAL
        return Failure(self._phase(name, phase), attempts, code)

    def _stall(self, name: str, value: Any) -> Stall:
        phase, colon, seconds = str(value).partition(":")
        return Stall(self._phase(name, phase), self._seconds(name, seconds) if colon else None)

    def _quirk(self, name: str, value: Any) -> Quirk:
        return self._one_of(name, str(value), {quirk.value: quirk for quirk in Quirk}, "quirk")

    def _phase(self, name: str, word: str) -> Phase:
        return self._one_of(name, word, {phase.value: phase for phase in WORK_PHASES}, "phase")

    def _one_of(self, name: str, word: str, known: Mapping[str, Choice], what: str) -> Choice:
        if word not in known:
            self._unknown(f"option {name!r} names the unknown {what} {word!r}", word, known)
        return known[word]

    def _refuse(self, name: str, value: Any, wanted: str) -> NoReturn:
        raise _invalid(f"{self._target}: option {name!r} is {value!r}; it must be {wanted}.")

    def _unknown(self, what: str, word: str, known: Mapping[str, Any]) -> NoReturn:
        close = get_close_matches(str(word), known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise _invalid(f"{self._target}: {what}.{guess} Known: {', '.join(known)}.")


def read_options(target: str, raw: Mapping[str, Any]) -> Options:
    """The options of the simulated ``target``; without a seed, its name is the seed.

    Raises:
        ScannerError: an option is unknown or its value is wrong (code ``invalid``, not retryable).
    """
    return _Reader(target).read({"seed": crc32(target.encode("utf-8", "replace")), **raw})


def speed(environment: Mapping[str, str] = os.environ) -> float:
    """How much faster than asked for simulated scans run: ``SCANWATCH_SIM_SPEED``, 1.0 unless set."""
    value = environment.get(SPEED_VARIABLE, "1")
    try:
        factor = float(value)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise _invalid(f"The environment variable {SPEED_VARIABLE} is {value!r}; it must be a number above 0.")
    return factor


def _invalid(message: str) -> ScannerError:
    return ScannerError(message, code=FailureCode.INVALID, retryable=False)
