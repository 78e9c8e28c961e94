"""Annotations against the record: which ids resolve, and what the rules have to say about the tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ...model import Annotation, Finding
from .checks import RISKS, TIERS
from .record import Record
from .rules import Rule
from .rules.annotations import (
    ANNOTATION_RISK_DIFFERS,
    ANNOTATION_RISK_UNKNOWN,
    ANNOTATION_UNRESOLVED,
    TEST_BLOCK_INCOMPLETE,
    TEST_TYPE_UNKNOWN,
)
from .source.dialects import GXP_MD_3, NAMES, ROSIE_1_1, Reference

TIER_OF_TEST_TYPE: Mapping[str, str] = {"unit": "OQ", "integration": "OQ", "e2e": "PQ"}
"""Words in use that are none of the three tiers, and the tier each stands for."""

_ROSIE_TYPES = frozenset({"DS", "TC"})
_TIER_OF_PATH = (
    ("PQ", re.compile(r"(?:^|/)(?:e2e|pq)/")),
    ("OQ", re.compile(r"(?:^|/)tests?/unit/|\.spec\.\w+$")),
    ("IQ", re.compile(r"\.tf$|\.ya?ml$|(?:^|/)Dockerfile$")),
)
_SHORT_RISKS = {"H": "HIGH", "M": "MEDIUM", "L": "LOW"}
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|iq|oq|pq)/|(?:^|/)test_[^/]*$|(?:[._-](?:test|spec)|Tests?|_test)\.\w+$"
)


def resolve(references: Sequence[Reference], record: Record) -> tuple[Annotation, ...]:
    """The annotations, each with whether its id is that of a document or is declared, and with the type it has."""
    ids = {one.annotation.artifact_id for one in references if one.annotation.tag == "gxp-id"}
    known = record.by_id.keys() | {entry.artifact_id for entry in record.risks} | record.declared.keys() | ids
    annotations = (_with_type(one.annotation) for one in references)
    return tuple(one if one.artifact_id in known else replace(one, resolved=False) for one in annotations)


def _with_type(annotation: Annotation) -> Annotation:
    """``annotation`` with the type that ROSIE 1.1 takes from the path where none is written."""
    if annotation.dialect != ROSIE_1_1 or annotation.test_type is not None:
        return annotation
    tier = next((tier for tier, pattern in _TIER_OF_PATH if pattern.search(annotation.file)), None)
    return replace(annotation, test_type=tier)


def check_annotations(annotations: Iterable[Annotation]) -> Iterator[Finding]:
    """What the rules have to say about resolved annotations."""
    first_risk: dict[str, Annotation] = {}
    for annotation in annotations:
        if not annotation.resolved:
            message = f"@{annotation.tag} names {annotation.artifact_id}, which does not exist."
            yield _at(ANNOTATION_UNRESOLVED, message, annotation)
        if annotation.tag in NAMES:
            yield from _risk(annotation, first_risk)
            yield from _test(annotation)


def is_test(file: str) -> bool:
    """Whether a path is that of a test, by the folders and names in use."""
    return _TEST_FILE.search(file) is not None


def _risk(annotation: Annotation, first_risk: dict[str, Annotation]) -> Iterator[Finding]:
    if annotation.risk is None:
        return
    risk = _normal(annotation.risk)
    if risk not in RISKS:
        message = f"The risk {annotation.risk!r} of {annotation.artifact_id} is not known."
        yield _at(ANNOTATION_RISK_UNKNOWN, message, annotation)
        return
    first = first_risk.setdefault(annotation.artifact_id, annotation)
    if _normal(first.risk or "") != risk:
        message = f"{annotation.artifact_id} is {risk} here and {first.risk} at {first.file}:{first.line}."
        yield _at(ANNOTATION_RISK_DIFFERS, message, annotation)


def _normal(risk: str) -> str:
    return _SHORT_RISKS.get(risk.upper(), risk.upper())


def _test(annotation: Annotation) -> Iterator[Finding]:
    known = TIERS | _ROSIE_TYPES if annotation.dialect == ROSIE_1_1 else TIERS
    if annotation.test_type is not None and annotation.test_type not in known:
        tier = TIER_OF_TEST_TYPE.get(annotation.test_type.lower())
        taken = f"taken as {tier}" if tier else "not known"
        message = f"The test type {annotation.test_type!r} of {annotation.artifact_id} is {taken}."
        yield _at(TEST_TYPE_UNKNOWN, message, annotation)
    if not is_test(annotation.file) or annotation.dialect == ROSIE_1_1:  # which takes the type from the path
        return
    traced = annotation.traces or annotation.dialect == GXP_MD_3  # where documents alone say what belongs to what
    said = {"trace": traced, "test type": annotation.test_type, "risk": annotation.risk}
    missing = [name for name, value in said.items() if not value]
    if missing:
        message = f"The test of {annotation.artifact_id} says no {' and no '.join(missing)}."
        yield _at(TEST_BLOCK_INCOMPLETE, message, annotation)


def _at(rule: Rule, message: str, annotation: Annotation) -> Finding:
    return rule.finding(message, file=annotation.file, line=annotation.line, artifact_id=annotation.artifact_id)
