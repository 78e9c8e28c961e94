"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; something that could be wanted is not there."""
    WRONG = "wrong"
    UNREACHABLE = "unreachable"
    """Wrong, and about the gateway: it gets an exit code of its own."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what it is, how it stands, and what to do about it."""

    topic: str
    subject: str
    state: State
    words: str
    remedy: str | None = None
