"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....model import Finding
from ..text import legible

Level = Literal["error", "warning", "info"]

MAX_MESSAGE = 500
"""Characters of a finding's message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand on a validation record.

    ``sentence`` says what should be so, ``why`` what goes wrong where it is not, and ``remedy`` what to do about it.
    """

    id: str
    level: Level
    sentence: str
    why: str
    remedy: str

    def finding(
        self, message: str, *, file: str | None = None, line: int | None = None, artifact_id: str | None = None
    ) -> Finding:
        """This rule, broken at a place; ``line`` counts from 1."""
        return Finding(
            rule=self.id,
            level=self.level,
            message=legible(message, MAX_MESSAGE),
            artifact_id=artifact_id,
            file=file,
            line=line,
            remedy=self.remedy,
        )
