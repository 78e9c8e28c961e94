"""What evidence the specs and requirements of a record need, by their risk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ....model import Evidence, Finding
from ..documents import Document
from ..record import OUT_OF_USE, Record
from ..rules import Level, Rule
from ..rules.evidence import EVIDENCE_ONE_SIGNER, EVIDENCE_TIERS_MISSING, SPEC_WITHOUT_EVIDENCE
from .keys import Verdict

TIERS_OF_RISK: Mapping[str, tuple[str, ...]] = {"HIGH": ("IQ", "OQ", "PQ"), "MEDIUM": ("OQ", "PQ"), "LOW": ("OQ",)}


def check_demands(record: Record, rows: Iterable[Evidence]) -> Iterator[Finding]:
    """Specs without evidence, and requirements whose evidence is not of all tiers or of one signer only.

    It is an error where the requirement's risk is HIGH, and a warning elsewhere.
    """
    by_spec: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows:
        by_spec[row.spec_id or ""].append(row)
    by_requirement: dict[str, list[Evidence]] = defaultdict(list)
    for spec in record.of_kind("spec"):
        above = requirements_of(spec, record)
        for requirement in above:
            by_requirement[requirement.artifact_id] += by_spec[spec.artifact_id]
        if not by_spec[spec.artifact_id] and not _out_of_use(spec):
            rule = replace(SPEC_WITHOUT_EVIDENCE, level=_level(*above))
            yield _at(rule, f"{spec.artifact_id} has no evidence.", spec)
    for requirement in record.of_kind("requirement"):
        yield from _of_requirement(requirement, by_requirement[requirement.artifact_id])


def requirements_of(spec: Document, record: Record) -> list[Document]:
    """The requirements a spec belongs to: those it satisfies, and those of its stories."""
    found: dict[str, Document] = {}
    for above in _above(spec, record):
        for document in (above, *_above(above, record)) if above.kind == "user_story" else (above,):
            if document.kind == "requirement":
                found[document.artifact_id] = document
    return list(found.values())


def _above(document: Document, record: Record) -> list[Document]:
    named = (value.text for name in ("parent_id", "satisfies") for value in document.fields.get(name, ()))
    return [record.by_id[one] for one in dict.fromkeys(named) if one in record.by_id]


def _of_requirement(requirement: Document, rows: list[Evidence]) -> Iterator[Finding]:
    if not rows:
        return  # its specs are told
    valid = [row for row in rows if row.intact and row.signature != Verdict.INVALID]
    missing = [tier for tier in TIERS_OF_RISK.get(_risk(requirement), ()) if tier not in {row.tier for row in valid}]
    if missing:
        rule = replace(EVIDENCE_TIERS_MISSING, level=_level(requirement))
        message = f"{requirement.artifact_id}, of risk {_risk(requirement)}, has no evidence of {', '.join(missing)}."
        yield _at(rule, message, requirement)
    signers = {row.signer for row in valid}
    if _risk(requirement) == "HIGH" and len(signers) < 2:
        message = f"All evidence of {requirement.artifact_id} has one signer."
        yield _at(EVIDENCE_ONE_SIGNER, message, requirement)


def _at(rule: Rule, message: str, document: Document) -> Finding:
    return rule.finding(message, file=document.file, line=document.line, artifact_id=document.artifact_id)


def _risk(requirement: Document) -> str:
    return (requirement.text("risk") or "").upper()


def _level(*requirements: Document) -> Level:
    return "error" if any(_risk(requirement) == "HIGH" for requirement in requirements) else "warning"


def _out_of_use(spec: Document) -> bool:
    return (spec.text("status") or "").lower() in OUT_OF_USE
