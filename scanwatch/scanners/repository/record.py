"""The whole validation record of one commit, indexed for the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import PurePosixPath

from .documents import Document
from .risklog import RiskEntry


class Paths:
    """The paths of a commit: files, and the directories that hold them."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = frozenset(files)

    def __contains__(self, path: str) -> bool:
        return path in self.files or path in self._directories

    @cached_property
    def _directories(self) -> frozenset[str]:
        found: set[str] = set()
        for file in self.files:
            parent = file.rpartition("/")[0]
            while parent and parent not in found:
                found.add(parent)
                parent = parent.rpartition("/")[0]
        return frozenset(found)

    def any_match(self, pattern: str) -> bool:
        """Whether a file matches a shell pattern, of which ``**`` may stand for any folders."""
        fixed = pattern[: min((pattern.find(sign) for sign in "*?[" if sign in pattern), default=len(pattern))]
        last = pattern.rpartition("/")[2]
        return any(file.startswith(fixed) and PurePosixPath(file).match(last) for file in self.files)


@dataclass(frozen=True)
class Record:
    """Documents, risk entries and paths of one commit; ``today`` is what expiry dates are compared with."""

    documents: Sequence[Document]
    risks: Sequence[RiskEntry]
    paths: Paths
    today: date
    has_risk_log: bool = False
    """Whether there is a risk log that could be read."""

    @cached_property
    def by_id(self) -> Mapping[str, Document]:
        """The first document of each id."""
        found: dict[str, Document] = {}
        for document in self.documents:
            found.setdefault(document.artifact_id, document)
        return found

    def of_kind(self, kind: str) -> list[Document]:
        """The documents of one kind, in the order of their files."""
        return [document for document in self.documents if document.kind == kind]
