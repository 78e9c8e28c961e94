"""What tags in the sources declare where a record has no documents of that kind: there the annotations come first.

A tag declares an id outside the tests, if a title follows it (``@gxp-spec SPEC-001-001 "Card terminal"``), or if it is
``@gxp-id``. What is declared is in the record like a document, at the place of its first tag; what belongs to what is
said by the tags beside it, else by the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from ...model import Annotation
from .annotations import is_test
from .documents import ID_PATTERNS, NUMBER, Document
from .markdown import Value
from .record import Record
from .source.dialects import Reference

_KINDS = {"gxp-req": "requirement", "gxp-story": "user_story", "gxp-spec": "spec"}
_BY_ID = ("requirement", "user_story", "spec")
_SERVING = frozenset({"gxp-satisfies", "gxp-implements"})
_ABOVE: Mapping[str, tuple[str, ...]] = {"user_story": ("requirement",), "spec": ("user_story", "requirement")}
"""The kinds that something may belong to, the nearest first."""


def with_sources(record: Record, references: Sequence[Reference]) -> Record:
    """``record`` with what the tags declare, and the ids that they say they satisfy or implement."""
    served = frozenset(one.annotation.artifact_id for one in references if one.annotation.tag in _SERVING)
    present = {document.kind for document in record.documents}
    first: dict[str, tuple[Reference, str]] = {}
    for one in references:
        kind = _kind(one, present)
        if kind is not None and one.annotation.artifact_id not in record.by_id:
            first.setdefault(one.annotation.artifact_id, (one, kind))
    if not first:
        return replace(record, served=served)
    kinds = {one.artifact_id: one.kind for one in record.by_id.values()}
    known = _Known({**kinds, **{artifact_id: kind for artifact_id, (_, kind) in first.items()}})
    beside: dict[tuple[str, int], list[Annotation]] = defaultdict(list)
    for one in references:
        beside[one.annotation.file, one.block].append(one.annotation)
    declared = [
        _document(one, kind, _parent(one.annotation, kind, beside[one.annotation.file, one.block], known))
        for one, kind in first.values()
    ]
    above = {document.text("parent_id") or "" for document in declared}
    return replace(record, documents=[*record.documents, *declared], served=served | above)


def _kind(reference: Reference, present: Set[str]) -> str | None:
    annotation = reference.annotation
    kind = _KINDS.get(annotation.tag) if reference.title else None
    if annotation.tag == "gxp-id":
        kind = next((one for one in _BY_ID if ID_PATTERNS[one].fullmatch(annotation.artifact_id)), None)
    return None if kind is None or kind in present or is_test(annotation.file) else kind


def _document(reference: Reference, kind: str, parent: str | None) -> Document:
    annotation = reference.annotation
    said = {"title": reference.title, "risk": annotation.risk, "parent_id": parent}
    fields = {name: (Value(text, annotation.line),) for name, text in said.items() if text}
    return Document(
        kind, annotation.file, annotation.artifact_id, annotation.line, readable=False, declared=True, fields=fields
    )


def _parent(annotation: Annotation, kind: str, beside: Sequence[Annotation], known: _Known) -> str | None:
    for above in _ABOVE.get(kind, ()):
        named = (one.artifact_id for one in beside if known.kinds.get(one.artifact_id) == above)
        if parent := next(named, None) or known.by_number(annotation.artifact_id, above):
            return parent
    return None


class _Known:
    """The ids there are, each with its kind, and by their numbers."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self._numbered: dict[tuple[str, str], dict[str | None, str]] = defaultdict(dict)
        for artifact_id, kind in kinds.items():
            if found := NUMBER.match(artifact_id):
                self._numbered[kind, found[1]].setdefault(found[2], artifact_id)

    def by_number(self, artifact_id: str, above: str) -> str | None:
        """What an id belongs to by its number: the one of the same number, or the only one of its requirement."""
        own = NUMBER.match(artifact_id)
        if own is None or own[2] is None:
            return None
        near = self._numbered.get((above, own[1]), {})
        return near.get(own[2]) or (next(iter(near.values())) if len(near) == 1 else None)
