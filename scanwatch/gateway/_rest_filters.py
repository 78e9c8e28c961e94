"""What the filters of a query ask of a row."""

from __future__ import annotations

from collections.abc import Callable

from .. import wire
from ..errors import WireError
from ..model import Annotation, Artifact, Evidence, Finding, ScanStatus


def artifact_filter(asked: wire.ArtifactsQuery) -> Callable[[Artifact], bool]:
    """Whether a query wants an artifact."""
    words = [_words(given) for given in (asked.kind, asked.risk, asked.status, asked.tier)]
    parent = asked.parent_id

    def wanted(row: Artifact) -> bool:
        has = (row.kind, row.risk, row.status, row.tier)
        named = all(not asks or (value or "").casefold() in asks for asks, value in zip(words, has, strict=True))
        return named and (parent is None or row.parent_id == parent)

    return wanted


def finding_filter(asked: wire.FindingsQuery) -> Callable[[Finding], bool]:
    """Whether a query wants a finding."""
    levels, rules, artifact_id = _words(asked.level), _words(asked.rule), asked.artifact_id

    def wanted(row: Finding) -> bool:
        return (
            (not levels or row.level.casefold() in levels)
            and (not rules or row.rule.casefold() in rules)
            and (artifact_id is None or row.artifact_id == artifact_id)
        )

    return wanted


def annotation_filter(asked: wire.AnnotationsQuery) -> Callable[[Annotation], bool]:
    """Whether a query wants an annotation."""

    def wanted(row: Annotation) -> bool:
        return (
            (asked.artifact_id is None or row.artifact_id == asked.artifact_id)
            and (asked.file is None or row.file == asked.file)
            and (asked.resolved is None or row.resolved == asked.resolved)
        )

    return wanted


def evidence_filter(asked: wire.EvidenceQuery) -> Callable[[Evidence], bool]:
    """Whether a query wants a piece of evidence."""
    signatures, spec = _words(asked.signature), asked.spec_id

    def wanted(row: Evidence) -> bool:
        return (not signatures or row.signature in signatures) and (spec is None or row.spec_id == spec)

    return wanted


def statuses(words: list[str]) -> frozenset[ScanStatus] | None:
    """The statuses a query names, ``None`` for any; raises ``WireError`` for a word that is none."""
    return frozenset(map(_status, words)) or None


def _status(word: str) -> ScanStatus:
    try:
        return ScanStatus(word)
    except ValueError:
        raise WireError(f"query: status {word[:40]!r} is none of {', '.join(ScanStatus)}") from None


def _words(given: list[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in given)
