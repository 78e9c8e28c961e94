"""The rules that hold between artifacts: ids, parents, children, and the risk log's coverage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ...model import Finding
from .circles import circle_message, circles
from .discover import RISK_LOG, SYSTEM_CONTEXT
from .documents import ID_PATTERNS, NUMBER, Document
from .markdown import Value
from .record import OUT_OF_USE, Record
from .risklog import RiskEntry
from .rules import Rule
from .rules.documents import ADR_MISSING, ID_DUPLICATE, ID_PATTERN, SYSTEM_CONTEXT_MISSING
from .rules.links import (
    PARENT_IMPLIED,
    PARENT_LEVEL,
    PARENT_MISSING,
    PARENT_NUMBERING,
    REQUIREMENT_WITHOUT_STORY,
    RISK_ENTRY_MISSING,
    RISK_LEVEL_DIFFERS,
    RISK_LOG_MISSING,
    RISK_REFERENCE_UNKNOWN,
    RISK_STATUS,
    STORY_WITHOUT_SPEC,
    TRACE_CIRCULAR,
)

RecordCheck = Callable[[Record], Iterator[Finding]]

PARENT_KIND = {"user_story": "requirement", "spec": "user_story"}
_WORDS = {"requirement": "requirement", "user_story": "user story"}
_RISK_STATUSES = frozenset({"open", "mitigated", "accepted", "closed"})


def with_implied_parents(record: Record) -> tuple[Record, list[Finding]]:
    """``record`` in which a story or spec that names no parent has the one its number implies, with a note of each."""
    documents: list[Document] = []
    findings: list[Finding] = []
    for document in record.documents:
        parent = None if document.declared else _implied_parent(document, record)
        if parent is not None:
            fields = {**document.fields, "parent_id": (Value(parent, document.line),)}
            message = f"{document.artifact_id} names no parent; its number implies {parent}."
            findings.append(_at(PARENT_IMPLIED, message, document))
            document = replace(document, fields=fields)
        documents.append(document)
    return replace(record, documents=documents), findings


def check_links(record: Record) -> Iterator[Finding]:
    """What the rules have to say about the record as a whole."""
    for check in CHECKS:
        yield from check(record)


def _implied_parent(document: Document, record: Record) -> str | None:
    number = NUMBER.match(document.artifact_id)
    if document.kind not in PARENT_KIND or document.first("parent_id") or number is None or number[2] is None:
        return None
    if document.kind == "user_story":
        return f"REQ-{number[1]}" if f"REQ-{number[1]}" in record.by_id else None
    stories = sorted(story for story in record.by_id if story.startswith(f"US-{number[1]}-"))
    same = f"US-{number[1]}-{number[2]}"
    if same in stories:
        return same
    return stories[0] if len(stories) == 1 else None


def _at(rule: Rule, message: str, document: Document, value: Value | None = None) -> Finding:
    line = value.line if value else document.line
    return rule.finding(message, file=document.file, line=line, artifact_id=document.artifact_id)


def _presence(record: Record) -> Iterator[Finding]:
    if not record.of_kind("system_context"):
        yield SYSTEM_CONTEXT_MISSING.finding(f"There is no {SYSTEM_CONTEXT}.", file=SYSTEM_CONTEXT)
    if not record.of_kind("adr"):
        yield ADR_MISSING.finding("There is no decision record in .gxp/adr.")
    if RISK_LOG not in record.paths:
        yield RISK_LOG_MISSING.finding(f"There is no {RISK_LOG}.", file=RISK_LOG)


def _duplicates(record: Record) -> Iterator[Finding]:
    first: dict[str, str] = {}
    places = [(document.artifact_id, document.file, document.line) for document in record.documents]
    places += [(entry.artifact_id, RISK_LOG, entry.line) for entry in record.risks]
    for artifact_id, file, line in places:
        place = first.setdefault(artifact_id, f"{file}:{line}")
        if place != f"{file}:{line}":
            message = f"{artifact_id} is also the id at {place}."
            yield ID_DUPLICATE.finding(message, file=file, line=line, artifact_id=artifact_id)


def _parents(record: Record) -> Iterator[Finding]:
    for document in record.documents:
        if document.readable and document.kind in PARENT_KIND:
            yield from _parents_of(document, record)


def _parents_of(document: Document, record: Record) -> Iterator[Finding]:
    named, satisfied = (document.fields.get(name, ()) for name in ("parent_id", "satisfies"))
    expected = "requirement" if named and named == satisfied else PARENT_KIND[document.kind]
    if not named:
        message = f"{document.artifact_id} names no {_WORDS[expected]} as its parent."
        yield _at(PARENT_MISSING, message, document)
    for value in named:
        yield from _parent(document, value, expected, record)
        if record.kind_of(value.text) == expected and not _numbers_agree(document.artifact_id, value.text):
            message = f"The number of {document.artifact_id} does not agree with its parent {value.text}."
            yield _at(PARENT_NUMBERING, message, document, value)


def _parent(document: Document, value: Value, expected: str, record: Record) -> Iterator[Finding]:
    """Whether one id that a document names above itself is there, and of the kind it has to be."""
    kind = record.kind_of(value.text)
    if kind is None:
        message = f"The parent {value.text} of {document.artifact_id} does not exist."
        yield _at(PARENT_MISSING, message, document, value)
    elif kind != expected:
        said = kind.replace("_", " ")
        message = f"The parent {value.text} of {document.artifact_id} is of kind {said}, not {_WORDS[expected]}."
        yield _at(PARENT_LEVEL, message, document, value)


def _satisfied(record: Record) -> Iterator[Finding]:
    """What documents say they satisfy beside their parent, as GxP.MD 3 allows: requirements alone."""
    for document in record.documents:
        satisfied = document.fields.get("satisfies", ())
        if document.kind in _WORDS.keys() | PARENT_KIND.keys() and satisfied != document.fields.get("parent_id"):
            for value in satisfied:
                yield from _parent(document, value, "requirement", record)


def _numbers_agree(child: str, parent: str) -> bool:
    """Whether both carry the same requirement's number; ids without such numbers (GxP.MD 3's) always agree."""
    own, above = NUMBER.match(child), NUMBER.match(parent)
    if own is None or above is None or own[2] is None:
        return True
    return own[1] == above[1]


def _circles(record: Record) -> Iterator[Finding]:
    above = {
        one.artifact_id: [value.text for name in ("parent_id", "satisfies") for value in one.fields.get(name, ())]
        for one in record.documents
    }
    for circle in circles(above):
        yield _at(TRACE_CIRCULAR, circle_message(circle), record.by_id[circle[0]])


def _children(record: Record) -> Iterator[Finding]:
    parents = {
        (document.kind, value.text) for document in record.documents for value in document.fields.get("parent_id", ())
    }
    satisfied = {value.text for document in record.documents for value in document.fields.get("satisfies", ())}
    served = record.served | satisfied
    for document in record.documents:
        if (document.text("status") or "").lower() in OUT_OF_USE or document.artifact_id in served:
            continue
        if document.kind == "requirement" and ("user_story", document.artifact_id) not in parents:
            yield _at(REQUIREMENT_WITHOUT_STORY, f"{document.artifact_id} has no user story.", document)
        elif document.kind == "user_story" and ("spec", document.artifact_id) not in parents:
            yield _at(STORY_WITHOUT_SPEC, f"{document.artifact_id} has no spec.", document)


def _risk_coverage(record: Record) -> Iterator[Finding]:
    """An entry for each requirement, with its level: the last entry counts, because the log is only appended to."""
    if not record.has_risk_log:
        return
    latest = {about: entry for entry in record.risks for about in entry.about}
    for requirement in record.of_kind("requirement"):
        entry = latest.get(requirement.artifact_id)
        if entry is None:
            message = f"The risk log has no entry for {requirement.artifact_id}."
            yield _at(RISK_ENTRY_MISSING, message, requirement)
            continue
        level, own = entry.level, requirement.first("risk")
        if level and own and level.upper() != own.text.upper():
            message = (
                f"{entry.artifact_id} gives {requirement.artifact_id} the risk {level}, the requirement {own.text}."
            )
            yield _of_entry(RISK_LEVEL_DIFFERS, message, entry)


def _risk_entries(record: Record) -> Iterator[Finding]:
    for entry in record.risks:
        if not ID_PATTERNS["risk_entry"].fullmatch(entry.artifact_id):
            yield _of_entry(ID_PATTERN, f"{entry.artifact_id} is not the id of a risk.", entry)
        for reference in (*entry.about, *entry.mentions):
            if reference not in record.by_id:
                message = f"{entry.artifact_id} refers to {reference}, which does not exist."
                yield _of_entry(RISK_REFERENCE_UNKNOWN, message, entry)
        if entry.has_status and (entry.status or "").lower() not in _RISK_STATUSES:
            said = f"the unknown status {entry.status!r}" if entry.status else "no status"
            yield _of_entry(RISK_STATUS, f"{entry.artifact_id} has {said}.", entry)


def _of_entry(rule: Rule, message: str, entry: RiskEntry) -> Finding:
    return rule.finding(message, file=RISK_LOG, line=entry.line, artifact_id=entry.artifact_id)


CHECKS: tuple[RecordCheck, ...] = (
    _presence,
    _duplicates,
    _parents,
    _satisfied,
    _circles,
    _children,
    _risk_coverage,
    _risk_entries,
)
