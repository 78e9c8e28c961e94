"""How the documents of one scan hang together: pure functions over its artifacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..model import EVIDENCE_KINDS, Artifact

PARENT_KIND: Mapping[str, str] = {
    "user_story": "requirement",
    "spec": "user_story",
    **dict.fromkeys(EVIDENCE_KINDS, "spec"),
}
"""Each kind that has a parent, and the kind its parent must be."""
TRACED = frozenset({*PARENT_KIND, *PARENT_KIND.values()})


@dataclass(frozen=True, slots=True)
class Link:
    """A child and the parent it names; ``reason`` says why the link does not hold."""

    parent: str
    child: str
    kind: str
    reason: str | None = None


class Traces:
    """The traced documents of one scan: the first of each id, in the scanner's order, and their links, each once."""

    def __init__(self, artifacts: Iterable[Artifact]) -> None:
        self.documents: dict[str, Artifact] = {}
        for artifact in artifacts:
            if artifact.kind in TRACED:
                self.documents.setdefault(artifact.artifact_id, artifact)
        self.links = list(dict.fromkeys(self._find_links()))
        self._children: dict[str, list[str]] = defaultdict(list)
        for link in self.links:
            self._children[link.parent].append(link.child)

    @property
    def broken(self) -> list[Link]:
        """The links that do not hold."""
        return [link for link in self.links if link.reason is not None]

    def upstream(self, artifact_id: str) -> list[Artifact]:
        """The parents of a document, nearest first; a circle ends where it closes."""
        found: dict[str, Artifact] = {}
        here = self.documents[artifact_id].parent_id
        while here is not None and here in self.documents and here not in found and here != artifact_id:
            found[here] = self.documents[here]
            here = found[here].parent_id
        return list(found.values())

    def downstream(self, artifact_id: str) -> list[Artifact]:
        """Everything that hangs on a document, level by level."""
        found: dict[str, None] = {artifact_id: None}
        level = [artifact_id]
        while level:
            level = list(dict.fromkeys(child for one in level for child in self._children[one] if child not in found))
            found.update(dict.fromkeys(level))
        return [self.documents[one] for one in found if one != artifact_id]

    def _find_links(self) -> Iterator[Link]:
        for child in self.documents.values():
            wanted = PARENT_KIND.get(child.kind)
            if wanted is None or child.parent_id is None:
                continue
            yield Link(child.parent_id, child.artifact_id, _link_kind(wanted, child), self._reason(child, wanted))

    def _reason(self, child: Artifact, wanted: str) -> str | None:
        parent = self.documents.get(child.parent_id or "")
        if parent is None:
            return f"There is no {_words(wanted)} {child.parent_id}."
        if parent.kind != wanted:
            return f"{parent.artifact_id} is a {_words(parent.kind)}; a {_words(wanted)} is expected."
        return None


def _link_kind(parent_kind: str, child: Artifact) -> str:
    """``requirement_to_user_story`` and so on; evidence is evidence, however it is kept."""
    return f"{parent_kind}_to_{'evidence' if child.kind.startswith('evidence') else child.kind}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
