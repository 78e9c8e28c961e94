"""What tags in the sources declare where a record has no documents of that kind: there the annotations come first.

A tag declares an id outside the tests, if a title follows it (``@gxp-spec SPEC-001-001 "Card terminal"``), or if it is
``@gxp-id``. What is declared is in the record like a document, at the place of its first tag; what belongs to what is
said by the tags beside it, else by the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
    first: dict[str, tuple[Reference, str]] = {}
    for one in references:
        kind = _kind(one, record)
        if kind is not None and one.annotation.artifact_id not in record.by_id:
            first.setdefault(one.annotation.artifact_id, (one, kind))
    if not first:
        return replace(record, served=served)
    kinds = {one.artifact_id: one.kind for one in record.by_id.values()} | {name: two[1] for name, two in first.items()}
    beside: dict[tuple[str, int], list[Annotation]] = defaultdict(list)
    for one in references:
        beside[one.annotation.file, one.block].append(one.annotation)
    declared = [
        _document(one, kind, _parent(one.annotation, kind, beside[one.annotation.file, one.block], kinds))
        for one, kind in first.values()
    ]
    above = {document.text("parent_id") or "" for document in declared}
    return replace(record, documents=[*record.documents, *declared], served=served | above)


def _kind(reference: Reference, record: Record) -> str | None:
    annotation = reference.annotation
    kind = _KINDS.get(annotation.tag) if reference.title else None
    if annotation.tag == "gxp-id":
        kind = next((one for one in _BY_ID if ID_PATTERNS[one].fullmatch(annotation.artifact_id)), None)
    return None if kind is None or is_test(annotation.file) or record.of_kind(kind) else kind


def _document(reference: Reference, kind: str, parent: str | None) -> Document:
    annotation = reference.annotation
    said = {"title": reference.title, "risk": annotation.risk, "parent_id": parent}
    fields = {name: (Value(text, annotation.line),) for name, text in said.items() if text}
    return Document(
        kind, annotation.file, annotation.artifact_id, annotation.line, readable=False, declared=True, fields=fields
    )


def _parent(annotation: Annotation, kind: str, beside: Sequence[Annotation], kinds: Mapping[str, str]) -> str | None:
    for above in _ABOVE.get(kind, ()):
        named = [one.artifact_id for one in beside if kinds.get(one.artifact_id) == above]
        if parent := next(iter(named), None) or next(_by_number(annotation.artifact_id, above, kinds), None):
            return parent
    return None


def _by_number(artifact_id: str, above: str, kinds: Mapping[str, str]) -> Iterator[str]:
    """What the number of an id says it belongs to: the one of the same number, or the only one of its requirement."""
    own = NUMBER.match(artifact_id)
    if own is None or own[2] is None:
        return
    fitting = [(one, found) for one, kind in kinds.items() if kind == above and (found := NUMBER.match(one))]
    near = [(one, found) for one, found in fitting if found[1] == own[1]]
    yield from (one for one, found in near if found[2] == own[2])
    if len(near) == 1:
        yield near[0][0]
