"""What a scan found, over REST: artifacts, findings, annotations and evidence, row by row."""

from __future__ import annotations

from typing import Any

import msgspec

from ..model import Annotation, Artifact, Evidence, Finding
from ._events import decode_as, to_plain
from ._names import Time, from_time_or_none, to_time_or_none
from ._records import Record


class ArtifactPayload(Record, kw_only=True):
    """One artifact of a scan."""

    artifact_id: str
    kind: str
    title: str | None = None
    risk: str | None = None
    tier: str | None = None
    status: str | None = None
    parent_id: str | None = None
    file: str | None = None
    line: int | None = None
    details: dict[str, list[str]] = {}


class FindingPayload(Record, kw_only=True):
    """One finding of a scan."""

    rule: str
    level: str
    message: str
    artifact_id: str | None = None
    file: str | None = None
    line: int | None = None
    remedy: str | None = None
    suppressed: bool = False


class AnnotationPayload(Record, kw_only=True):
    """One annotation of a scan."""

    file: str
    line: int
    artifact_id: str
    tag: str
    dialect: str
    test_type: str | None = None
    risk: str | None = None
    traces: list[str] = []
    resolved: bool = False


class ScanEvidencePayload(Record, kw_only=True):
    """One piece of evidence of a scan."""

    evidence_id: str
    kind: str
    file: str
    spec_id: str | None = None
    tier: str | None = None
    user_story: str | None = None
    signature: str
    signer: str | None = None
    algorithm: str | None = None
    time: Time | None = None
    commit: str | None = None
    state_hash: str | None = None
    state_hash_form: str | None = None
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None
    intact: bool = True


def encode_artifact(artifact: Artifact) -> dict[str, Any]:
    """An artifact as the wire writes it."""
    return to_plain(msgspec.convert(artifact, ArtifactPayload, from_attributes=True))


def decode_artifact(data: Any) -> Artifact:
    """An artifact from the wire; raises ``WireError``."""
    return msgspec.convert(decode_as(ArtifactPayload, data, "artifact"), Artifact, from_attributes=True)


def encode_finding(finding: Finding) -> dict[str, Any]:
    """A finding as the wire writes it."""
    return to_plain(msgspec.convert(finding, FindingPayload, from_attributes=True))


def decode_finding(data: Any) -> Finding:
    """A finding from the wire; raises ``WireError``."""
    return msgspec.convert(decode_as(FindingPayload, data, "finding"), Finding, from_attributes=True)


def encode_annotation(annotation: Annotation) -> dict[str, Any]:
    """An annotation as the wire writes it."""
    return to_plain(msgspec.convert(annotation, AnnotationPayload, from_attributes=True))


def decode_annotation(data: Any) -> Annotation:
    """An annotation from the wire; raises ``WireError``."""
    return msgspec.convert(decode_as(AnnotationPayload, data, "annotation"), Annotation, from_attributes=True)


def encode_scan_evidence(evidence: Evidence) -> dict[str, Any]:
    """A piece of evidence as the wire writes it."""
    fields = {name: getattr(evidence, name) for name in ScanEvidencePayload.__struct_fields__}
    return to_plain(ScanEvidencePayload(**{**fields, "time": to_time_or_none(evidence.time)}))


def decode_scan_evidence(data: Any) -> Evidence:
    """A piece of evidence from the wire; raises ``WireError``."""
    payload = decode_as(ScanEvidencePayload, data, "evidence")
    fields = msgspec.structs.asdict(payload)
    return Evidence(**{**fields, "time": from_time_or_none(payload.time)})
