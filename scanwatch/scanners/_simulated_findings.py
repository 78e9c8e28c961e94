"""The findings of a simulated scan: what a real one would say of the same record, as far as the record shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ..model import Annotation, Artifact, Evidence, Finding

_CHILD_OF = {"requirement": "user_story", "user_story": "spec", "spec": "evidence"}
_CHILDLESS = {
    "requirement": (
        "requirement-without-story",
        "error",
        "No user story belongs to {id}.",
        "Write a user story with this requirement as its parent.",
    ),
    "user_story": (
        "story-without-spec",
        "warning",
        "No spec says how {id} is met.",
        "Write a spec with this story as its parent.",
    ),
    "spec": (
        "spec-without-evidence",
        "warning",
        "{id} has no evidence.",
        "Run its tests and store the signed result under .gxp/evidence.",
    ),
}


def make_findings(
    artifacts: Sequence[Artifact], annotations: Sequence[Annotation], evidence: Sequence[Evidence], most: int
) -> tuple[Finding, ...]:
    """At most so many findings, errors first, in the order of the record; then what the record alone does not show."""
    seen = [*_childless(artifacts), *_unresolved(annotations), *_doubtful(evidence), *_differing(artifacts)]
    seen.sort(key=lambda finding: finding.level != "error")
    return tuple(islice((*seen, *_unwritten(artifacts)), most))


def _childless(artifacts: Sequence[Artifact]) -> Iterator[Finding]:
    parents = {
        (row.kind.partition("_")[0] if row.kind.startswith("evidence") else row.kind, row.parent_id)
        for row in artifacts
    }
    for row in artifacts:
        if row.kind in _CHILDLESS and (_CHILD_OF[row.kind], row.artifact_id) not in parents:
            rule, level, message, remedy = _CHILDLESS[row.kind]
            yield Finding(rule, level, message.format(id=row.artifact_id), row.artifact_id, row.file, row.line, remedy)


def _unresolved(annotations: Sequence[Annotation]) -> Iterator[Finding]:
    for tag in annotations:
        if not tag.resolved:
            message = f"@{tag.tag} names {tag.artifact_id}, which is no document."
            remedy = "Correct the id, or add the document it names."
            yield Finding("annotation-unresolved", "error", message, tag.artifact_id, tag.file, tag.line, remedy)


def _doubtful(evidence: Sequence[Evidence]) -> Iterator[Finding]:
    for row in evidence:
        if row.signature == "invalid":
            message = f"The signature of {row.evidence_id} is not right for its key."
            remedy = "Find out who changed the file; run the tests again and sign the new result."
            yield Finding("evidence-signature", "error", message, row.evidence_id, row.file, remedy=remedy)
        if row.failed:
            message = f"{row.evidence_id} shows {row.failed} failed test."
            remedy = "Mend what failed, run the tests again and sign the new result."
            yield Finding("evidence-tests-failed", "warning", message, row.evidence_id, row.file, remedy=remedy)


def _differing(artifacts: Sequence[Artifact]) -> Iterator[Finding]:
    risks = {row.artifact_id: row.risk for row in artifacts if row.kind == "requirement"}
    for row in artifacts:
        if row.kind == "risk_entry" and row.risk != risks[row.parent_id or ""]:
            message = f"{row.artifact_id} is {row.risk}, {row.parent_id} is {risks[row.parent_id or '']}."
            remedy = "Append an entry with the present level, or correct the requirement."
            yield Finding("risk-level-differs", "warning", message, row.artifact_id, row.file, row.line, remedy)


def _unwritten(artifacts: Sequence[Artifact]) -> Iterator[Finding]:
    """What only the documents themselves would show."""
    for row in artifacts:
        if row.kind == "spec":
            message, remedy = f"{row.artifact_id} names no test file.", "List its tests under test_files."
            yield Finding("spec-without-tests", "warning", message, row.artifact_id, row.file, row.line, remedy)
        elif row.kind in ("requirement", "user_story"):
            message, remedy = f"{row.artifact_id} has no acceptance criteria.", "Say when it is met."
            yield Finding("acceptance-criteria-missing", "info", message, row.artifact_id, row.file, row.line, remedy)
