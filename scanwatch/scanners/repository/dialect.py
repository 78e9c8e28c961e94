"""Which dialects a repository is written in, by what its documents, risk log and tags look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ...model import Annotation, Finding
from .record import Record
from .rules.reading import DIALECT_UNSUPPORTED
from .source.dialects import DRAFT_02, DRAFT_03, GXP_MD_3, ROSIE_1_1

MANIFEST = "gxp-product.md"
"""Of ROSIE 1.1, at the top of the repository."""

_BY_STATUS = {
    **dict.fromkeys(("DRAFT", "VALIDATED", "DEPRECATED", "ASSURED"), DRAFT_02),
    **dict.fromkeys(("draft", "in_review", "validated", "retired"), DRAFT_03),
    **dict.fromkeys(("APPROVED", "IMPLEMENTED", "REVIEWED", "READY", "IN_PROGRESS"), GXP_MD_3),
}


def dialects_of(record: Record, annotations: Iterable[Annotation]) -> Counter[str]:
    """The dialects that were seen, and how many documents, risk entries and tags are signs of each."""
    return Counter(_signs(record, annotations))


def check_dialects(record: Record) -> Iterator[Finding]:
    """Says what is there and not read, because its dialect is not supported."""
    if MANIFEST in record.paths:
        message = f"{MANIFEST} is a manifest of {ROSIE_1_1}; it and the requirements it speaks of are not read."
        yield DIALECT_UNSUPPORTED.finding(message, file=MANIFEST)


def _signs(record: Record, annotations: Iterable[Annotation]) -> Iterator[str]:
    for document in record.documents:
        dialect = _BY_STATUS.get(document.text("status") or "")
        if document.first("satisfies") or document.first("implements"):
            dialect = GXP_MD_3
        if dialect is not None and document.kind != "adr":
            yield dialect
    for entry in record.risks:
        yield DRAFT_03 if entry.has_status else DRAFT_02
    for annotation in annotations:
        yield annotation.dialect
    if MANIFEST in record.paths:
        yield ROSIE_1_1
