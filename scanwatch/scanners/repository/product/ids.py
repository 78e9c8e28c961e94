"""Ids of ROSIE 1.1: the product's code, the level, a number or a name."""

from __future__ import annotations

import re
from collections.abc import Mapping

LEVELS: Mapping[str, int] = {"URS": 0, "FRS": 1, "DS": 2, "TC": 3, "IQ": 3, "OQ": 3, "PQ": 3}
"""From the need down to the tests."""
KINDS: Mapping[str, str] = {"URS": "requirement", "FRS": "user_story", "DS": "spec"}
SPEC, TEST = 2, 3

PATTERN = r"(?P<code>[A-Z][A-Z0-9]*)-(?P<level>URS|FRS|DS|TC|IQ|OQ|PQ)-[A-Z0-9]+(?:-[A-Z0-9]+)*"
_ID = re.compile(PATTERN)


def word_of(artifact_id: str) -> str | None:
    """The level that an id names, as it is written; ``None`` if it is no id of this kind."""
    found = _ID.fullmatch(artifact_id)
    return found["level"] if found else None


def level_of(artifact_id: str) -> int | None:
    """How far below the need an id is."""
    word = word_of(artifact_id)
    return LEVELS[word] if word else None


def code_of(artifact_id: str) -> str:
    """The code of the product that an id belongs to."""
    return artifact_id.partition("-")[0]
