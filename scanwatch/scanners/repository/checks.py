"""The rules that can be checked on one document, given the record around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID

from ...model import Finding
from .documents import ID_PATTERNS, Document
from .markdown import Value
from .record import Record
from .rules import Rule
from .rules.documents import (
    ACCEPTANCE_CRITERIA_MISSING,
    ADR_SECTION_MISSING,
    ADR_STATUS,
    ID_MISSING,
    ID_PATTERN,
    NAMED_FILE_MISSING,
    RISK_UNKNOWN,
    SPEC_WITHOUT_TESTS,
    STATUS_OLDER_DRAFT,
    STATUS_UNKNOWN,
    STORY_INCOMPLETE,
    SYSTEM_CONTEXT_ID,
    SYSTEM_CONTEXT_KEY_MISSING,
    SYSTEM_CONTEXT_RISK,
    SYSTEM_CONTEXT_VERSION,
    TIER_UNKNOWN,
    TITLE_MISSING,
    VENDOR_EXPIRED,
    VENDOR_EXPIRY_UNKNOWN,
)

DocumentCheck = Callable[[Document, Record], Iterator[Finding]]

RISKS = frozenset({"LOW", "MEDIUM", "HIGH"})
TIERS = frozenset({"IQ", "OQ", "PQ"})
STATUSES = frozenset({"draft", "in_review", "validated", "retired"})
OLDER_STATUSES = frozenset(
    {
        *("DRAFT", "VALIDATED", "DEPRECATED", "ASSURED"),
        *("APPROVED", "IMPLEMENTED", "REVIEWED", "READY", "IN_PROGRESS"),
    }
)
"""Of the drafts 01 and 02, and of GxP.MD 3."""

_CONTEXT_KEYS = {
    "id": "id",
    "project_name": "project_name",
    "version": "version",
    "risk": "gxp_risk_rating",
    "status": "validation_status",
    "intended_use": "intended_use",
}
SEMANTIC_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
_STORY = {"as_a": "who wants it", "i_want": "what", "so_that": "why"}
_ADR_SECTIONS = ("Status", "Context", "Decision", "Consequences")
_ADR_STATUSES = frozenset({"proposed", "accepted", "deprecated", "superseded"})
_WORD = re.compile(r"[A-Za-z]+")


def check_document(document: Document, record: Record) -> Iterator[Finding]:
    """What the rules have to say about one document; nothing more about one that could not be read."""
    if document.readable:
        for check in CHECKS.get(document.kind, ()):
            yield from check(document, record)


def _at(rule: Rule, message: str, document: Document, value: Value | None = None) -> Finding:
    line = value.line if value else document.line
    return rule.finding(message, file=document.file, line=line, artifact_id=document.artifact_id)


def _context_keys(document: Document, _: Record) -> Iterator[Finding]:
    for name, key in _CONTEXT_KEYS.items():
        if document.first(name) is None:
            yield _at(SYSTEM_CONTEXT_KEY_MISSING, f"The system context has no {key}.", document)


def _context_values(document: Document, _: Record) -> Iterator[Finding]:
    named, version, risk = document.first("id"), document.first("version"), document.first("risk")
    if named and not _is_uuid(named.text):
        yield _at(SYSTEM_CONTEXT_ID, f"The system's id {named.text!r} is not a UUID.", document, named)
    if version and not SEMANTIC_VERSION.fullmatch(version.text):
        message = f"The system's version {version.text!r} is not a semantic version."
        yield _at(SYSTEM_CONTEXT_VERSION, message, document, version)
    if risk and risk.text.upper() not in RISKS:
        yield _at(SYSTEM_CONTEXT_RISK, f"The system's risk {risk.text!r} is not known.", document, risk)


def _identity(document: Document, _: Record) -> Iterator[Finding]:
    if not document.names_id:
        message = f"{document.file} names no id; {document.artifact_id} was taken from the file's name."
        yield _at(ID_MISSING, message, document)
    yield from _id_pattern(document, _)


def _id_pattern(document: Document, _: Record) -> Iterator[Finding]:
    pattern = ID_PATTERNS.get(document.kind)
    if pattern and not pattern.fullmatch(document.artifact_id):
        kind = document.kind.replace("_", " ")
        yield _at(ID_PATTERN, f"{document.artifact_id} is not the id of a {kind}.", document)


def _title(document: Document, _: Record) -> Iterator[Finding]:
    if document.first("title") is None:
        yield _at(TITLE_MISSING, f"{document.artifact_id} has no title.", document)


def _status(document: Document, _: Record) -> Iterator[Finding]:
    status = document.first("status")
    if status is None or status.text in STATUSES:
        return
    if status.text in OLDER_STATUSES:
        message = f"The status {status.text} of {document.artifact_id} is a word of another draft."
        yield _at(STATUS_OLDER_DRAFT, message, document, status)
    else:
        message = f"The status {status.text!r} of {document.artifact_id} is not known."
        yield _at(STATUS_UNKNOWN, message, document, status)


def _risk(document: Document, _: Record) -> Iterator[Finding]:
    risk = document.first("risk")
    if risk is None:
        yield _at(RISK_UNKNOWN, f"{document.artifact_id} has no risk rating.", document)
    elif risk.text.upper() not in RISKS:
        yield _at(RISK_UNKNOWN, f"The risk {risk.text!r} of {document.artifact_id} is not known.", document, risk)


def _criteria(document: Document, _: Record) -> Iterator[Finding]:
    if document.first("acceptance_criteria") is None:
        yield _at(ACCEPTANCE_CRITERIA_MISSING, f"{document.artifact_id} has no acceptance criteria.", document)


def _story(document: Document, _: Record) -> Iterator[Finding]:
    missing = [what for name, what in _STORY.items() if document.first(name) is None]
    if missing:
        message = f"{document.artifact_id} does not say {' and '.join(missing)}."
        yield _at(STORY_INCOMPLETE, message, document)


def _tier(document: Document, _: Record) -> Iterator[Finding]:
    tier = document.first("tier")
    if tier is None:
        yield _at(TIER_UNKNOWN, f"{document.artifact_id} has no verification tier.", document)
    elif tier.text not in TIERS:
        yield _at(TIER_UNKNOWN, f"The tier {tier.text!r} of {document.artifact_id} is not known.", document, tier)


def _files(document: Document, record: Record) -> Iterator[Finding]:
    if document.first("test_files") is None:
        yield _at(SPEC_WITHOUT_TESTS, f"{document.artifact_id} names no test files.", document)
    for name in ("source_files", "test_files"):
        for value in document.fields.get(name, ()):
            if not _exists(value.text, record):
                message = f"{document.artifact_id} names {value.text}, which is not in this commit."
                yield _at(NAMED_FILE_MISSING, message, document, value)


def _exists(path: str, record: Record) -> bool:
    path = path.removeprefix("./").rstrip("/")
    return path in record.paths or (any(sign in path for sign in "*?[") and record.paths.any_match(path))


def _adr_sections(document: Document, _: Record) -> Iterator[Finding]:
    present = {heading.text.lower() for heading in document.body.headings()}
    if document.first("status"):
        present.add("status")
    for section in _ADR_SECTIONS:
        if section.lower() not in present:
            yield _at(ADR_SECTION_MISSING, f"{document.artifact_id} has no section {section}.", document)


def _adr_status(document: Document, _: Record) -> Iterator[Finding]:
    status = document.first("status")
    word = _WORD.search(status.text) if status else None
    if status and (word is None or word[0].lower() not in _ADR_STATUSES):
        message = f"The status {status.text!r} of {document.artifact_id} is not known."
        yield _at(ADR_STATUS, message, document, status)


def _vendor_expiry(document: Document, record: Record) -> Iterator[Finding]:
    expiry = document.first("expiry_date")
    try:
        expires = date.fromisoformat(expiry.text[:10]) if expiry else None
    except ValueError:
        expires = None
    if expires is None:
        yield _at(VENDOR_EXPIRY_UNKNOWN, f"{document.artifact_id} has no readable expiry date.", document, expiry)
    elif expires < record.today:
        yield _at(VENDOR_EXPIRED, f"{document.artifact_id} expired on {expires.isoformat()}.", document, expiry)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


CHECKS: dict[str, tuple[DocumentCheck, ...]] = {
    "system_context": (_context_keys, _context_values, _status),
    "requirement": (_identity, _title, _status, _risk, _criteria),
    "user_story": (_identity, _title, _status, _criteria, _story),
    "spec": (_identity, _title, _status, _tier, _files),
    "adr": (_id_pattern, _title, _adr_sections, _adr_status),
    "vendor_assessment": (_vendor_expiry,),
}
"""The checks of each kind of document, in the order of their findings."""
