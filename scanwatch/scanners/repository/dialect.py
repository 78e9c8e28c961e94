"""Which dialects a repository is written in, by what its documents, risk log and tags look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ...model import Annotation
from .discover import MANIFEST
from .record import Record
from .source.dialects import DRAFT_02, DRAFT_03, GXP_MD_3, ROSIE_1_1

_BY_STATUS = {
    **dict.fromkeys(("DRAFT", "VALIDATED", "DEPRECATED", "ASSURED"), DRAFT_02),
    **dict.fromkeys(("draft", "in_review", "validated", "retired"), DRAFT_03),
    **dict.fromkeys(("APPROVED", "IMPLEMENTED", "REVIEWED", "READY", "IN_PROGRESS"), GXP_MD_3),
}


def dialects_of(record: Record, nodes: int, annotations: Iterable[Annotation]) -> Counter[str]:
    """The dialects that were seen, and how many documents, risk entries and tags are signs of each.

    ``nodes`` is the number of those in documents of ROSIE 1.1.
    """
    return Counter(_signs(record, annotations)) + Counter({ROSIE_1_1: nodes})


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
