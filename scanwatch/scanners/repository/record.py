"""The whole validation record of one commit, indexed for the checks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import translate
from functools import cached_property

from .documents import Document
from .risklog import RiskEntry

OUT_OF_USE = frozenset({"retired", "deprecated"})
"""Statuses, in lower case, of documents of which nothing is demanded any more."""
MAX_PATTERNS = 1000
"""Different patterns of file names looked up in one scan."""


class Paths:
    """The paths of a commit: files, and the directories that hold them."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._matches: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        return path in self.files or self._holds_files(path)

    @cached_property
    def files(self) -> frozenset[str]:
        """The files, each once."""
        return frozenset(self._files)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.files)

    def _holds_files(self, directory: str) -> bool:
        """Whether a path is that of a directory: the first file after it in order is then in it."""
        inside = f"{directory}/"
        at = bisect_left(self._sorted, inside)
        return bool(directory) and at < len(self._sorted) and self._sorted[at].startswith(inside)

    def any_match(self, pattern: str) -> bool:
        """Whether a file matches a shell pattern, whose ``*`` stands for folders too.

        Only so many different patterns are looked up; one beyond them is taken to match.
        """
        if pattern not in self._matches:
            if len(self._matches) >= MAX_PATTERNS:
                return True
            self._matches[pattern] = self._look_up(pattern)
        return self._matches[pattern]

    def _look_up(self, pattern: str) -> bool:
        fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
        # fnmatch's expressions do not backtrack into an earlier star, so no pattern is slow.
        matches = re.compile(translate(pattern.replace("**/", "*"))).match
        for at in range(bisect_left(self._sorted, fixed), len(self._sorted)):
            if not self._sorted[at].startswith(fixed):
                return False
            if matches(self._sorted[at]):
                return True
        return False


@dataclass(frozen=True)
class Record:
    """Documents, risk entries and paths of one commit; ``today`` is what expiry dates are compared with."""

    documents: Sequence[Document]
    risks: Sequence[RiskEntry]
    paths: Paths
    today: date
    has_risk_log: bool = False
    """Whether there is a risk log that could be read."""
    declared: Mapping[str, str] = field(default_factory=dict)
    """Ids of the older record, and their kinds."""
    served: frozenset[str] = frozenset()
    """Ids that have something below them in the sources."""

    @cached_property
    def by_id(self) -> Mapping[str, Document]:
        """The first document of each id."""
        found: dict[str, Document] = {}
        for document in self.documents:
            found.setdefault(document.artifact_id, document)
        return found

    def kind_of(self, artifact_id: str) -> str | None:
        """The kind of what has an id, a document or a tag that declares it; ``None`` if nothing has."""
        document = self.by_id.get(artifact_id)
        return self.declared.get(artifact_id) if document is None else document.kind

    def of_kind(self, kind: str) -> list[Document]:
        """The documents of one kind, in the order of their files."""
        return [document for document in self.documents if document.kind == kind]
