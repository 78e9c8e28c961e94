"""The validation record over REST, as front ends in the field read it: one record for each artifact of a kind.

Every key is always there. ``null`` where its document says nothing of it, and where nothing is stored of it: the
inventory keeps what a document says by its keys, not its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from ..model import Annotation, Artifact, Evidence
from ._events import to_plain
from ._names import Time, to_time, to_time_or_none
from ._records import Record

_OF_CONTEXT = (
    *("version", "intended_use", "regulatory_context"),
    *("system_owner", "technical_contact", "deployment_environment"),
)
JWS = "jws"
PACKAGE = "package"
RECORD = "rot"


class DocumentPayload(Record, kw_only=True):
    """What every record of the validation record has."""

    id: str
    repository_id: str
    scan_id: str
    gxp_id: str
    file_path: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: Time
    updated_at: Time


class SystemContextPayload(DocumentPayload, kw_only=True):
    """The system context of a repository."""

    project_name: str | None = None
    version: str | None = None
    gxp_risk_rating: str | None = None
    validation_status: str | None = None
    intended_use: str | None = None
    regulatory_context: str | None = None
    system_owner: str | None = None
    technical_contact: str | None = None
    deployment_environment: str | None = None
    raw_content: str | None = None


class RequirementPayload(DocumentPayload, kw_only=True):
    """A requirement."""

    title: str | None = None
    description: str | None = None
    gxp_risk_rating: str | None = None
    acceptance_criteria: list[str] | None = None
    raw_content: str | None = None
    status: str | None = None


class UserStoryPayload(RequirementPayload, kw_only=True):
    """A user story."""

    parent_id: str | None = None
    as_a: str | None = None
    i_want: str | None = None
    so_that: str | None = None


class SpecPayload(RequirementPayload, kw_only=True):
    """A spec."""

    parent_id: str | None = None
    user_story_id: str | None = None
    design_approach: str | None = None
    implementation_notes: str | None = None
    verification_tier: str | None = None
    source_files: list[str] | None = None
    test_files: list[str] | None = None


class EvidencePayload(DocumentPayload, kw_only=True):
    """A piece of evidence; ``is_signature_valid`` is ``null`` when nobody could verify it."""

    file_name: str | None = None
    parent_id: str | None = None
    verification_tier: str | None = None
    jws_payload: dict[str, Any] | None = None
    jws_header: dict[str, Any] | None = None
    signature: str | None = None
    is_signature_valid: bool | None = None
    signature_verified_at: Time | None = None
    test_results: dict[str, Any] | None = None
    timestamp: Time | None = None
    evidence_format: str | None = None


class TagBlockPayload(DocumentPayload, kw_only=True):
    """An annotation in a source file."""

    traces: list[str] = []
    gxp_type: str | None = None
    description: str | None = None
    line: int | None = None
    content_sha: str | None = None


class NodePayload(Record, kw_only=True):
    """A node of the traceability graph."""

    id: str
    kind: str | None = None
    title: str | None = None


class EdgePayload(Record, kw_only=True):
    """A link: ``source`` is the parent, ``target`` the child, ``valid`` whether the parent is there and of its kind."""

    source: str
    target: str
    type: str
    valid: bool


class GraphPayload(Record, kw_only=True):
    """The answer to ``GET .../traceability/graph``; no edge is there twice."""

    nodes: list[NodePayload]
    edges: list[EdgePayload]


class BrokenLinkPayload(Record, kw_only=True):
    """A link that does not hold: the child is ``source_id``, the parent it names ``target_id``."""

    source_id: str
    target_id: str
    link_type: str
    reason: str


class TraceAuditPayload(Record, kw_only=True):
    """The answer to ``GET .../traceability/audit``; ``status`` is ``valid`` or ``invalid``."""

    repository_id: str
    status: str
    broken_links_count: int
    broken_links: list[BrokenLinkPayload]


class ChainPayload(Record, kw_only=True):
    """The answer to ``GET .../traceability/chain/:gxpId``: its parents, nearest first, and all that hangs on it."""

    document_id: str
    upstream: list[NodePayload]
    downstream: list[NodePayload]


class Origin(msgspec.Struct, frozen=True):
    """Where an artifact was found: its repository, the scan, and when that had ended."""

    repository_id: str
    scan_id: str
    time: datetime

    def fields(self, artifact: Artifact) -> dict[str, Any]:
        """What every document has; the id stays the same from scan to scan."""
        time = to_time(self.time)
        return {
            "id": str(uuid5(UUID(self.repository_id), f"{artifact.kind} {artifact.artifact_id} {artifact.file}")),
            "repository_id": self.repository_id,
            "scan_id": self.scan_id,
            "gxp_id": artifact.artifact_id,
            "file_path": artifact.file,
            "metadata": {"line": artifact.line} if artifact.line is not None else None,
            "created_at": time,
            "updated_at": time,
        }


def encode_system_context(artifact: Artifact, origin: Origin) -> dict[str, Any]:
    """A system context as the wire writes it."""
    payload = SystemContextPayload(
        **origin.fields(artifact),
        project_name=artifact.title,
        gxp_risk_rating=artifact.risk,
        validation_status=artifact.status,
        **_said(artifact, *_OF_CONTEXT),
    )
    return to_plain(payload)


def encode_requirement(artifact: Artifact, origin: Origin) -> dict[str, Any]:
    """A requirement as the wire writes it."""
    return to_plain(RequirementPayload(**origin.fields(artifact), **_described(artifact)))


def encode_user_story(artifact: Artifact, origin: Origin) -> dict[str, Any]:
    """A user story as the wire writes it."""
    payload = UserStoryPayload(
        **origin.fields(artifact),
        **_described(artifact),
        parent_id=artifact.parent_id,
        **_said(artifact, "as_a", "i_want", "so_that"),
    )
    return to_plain(payload)


def encode_spec(artifact: Artifact, origin: Origin) -> dict[str, Any]:
    """A spec as the wire writes it."""
    payload = SpecPayload(
        **origin.fields(artifact),
        **_described(artifact),
        parent_id=artifact.parent_id,
        user_story_id=artifact.parent_id,
        verification_tier=artifact.tier,
        **_said(artifact, "design_approach", "implementation_notes"),
        **_listed(artifact, "source_files", "test_files"),
    )
    return to_plain(payload)


def encode_evidence(artifact: Artifact, origin: Origin, evidence: Evidence | None = None) -> dict[str, Any]:
    """A piece of evidence as the wire writes it, with what is known of its signature and results."""
    known = {} if evidence is None else _proven(evidence, origin)
    payload = EvidencePayload(
        **origin.fields(artifact),
        file_name=artifact.file.rpartition("/")[2] if artifact.file else None,
        parent_id=artifact.parent_id,
        **{"verification_tier": artifact.tier, **known},
        evidence_format={"evidence_package": PACKAGE, "evidence_record": RECORD}.get(artifact.kind, JWS),
    )
    return to_plain(payload)


def _proven(evidence: Evidence, origin: Origin) -> dict[str, Any]:
    valid = {"verified": True, "invalid": False}.get(evidence.signature)
    results = {"passed": evidence.passed, "failed": evidence.failed, "skipped": evidence.skipped}
    return {
        "verification_tier": evidence.tier,
        "jws_header": {"alg": evidence.algorithm, "kid": evidence.signer} if evidence.algorithm else None,
        "is_signature_valid": valid,
        "signature_verified_at": None if valid is None else to_time(origin.time),
        "test_results": None if evidence.passed is None else results,
        "timestamp": to_time_or_none(evidence.time),
    }


def encode_tag_block(annotation: Annotation, origin: Origin) -> dict[str, Any]:
    """An annotation as front ends in the field read it: what it names, where, and what it traces to."""
    time, place = to_time(origin.time), f"{annotation.file} {annotation.line}"
    payload = TagBlockPayload(
        id=str(uuid5(UUID(origin.repository_id), f"annotation {annotation.tag} {annotation.artifact_id} {place}")),
        repository_id=origin.repository_id,
        scan_id=origin.scan_id,
        gxp_id=annotation.artifact_id,
        file_path=annotation.file,
        metadata={"tag": annotation.tag, "dialect": annotation.dialect, "risk": annotation.risk},
        created_at=time,
        updated_at=time,
        traces=list(annotation.traces),
        gxp_type=annotation.test_type,
        line=annotation.line,
    )
    return to_plain(payload)


def encode_graph(nodes: Iterable[NodePayload], edges: Iterable[EdgePayload]) -> dict[str, Any]:
    """A traceability graph as the wire writes it."""
    return to_plain(GraphPayload(nodes=list(nodes), edges=list(edges)))


def encode_trace_audit(repository_id: str, broken: list[BrokenLinkPayload]) -> dict[str, Any]:
    """The broken links of a repository as the wire writes them."""
    payload = TraceAuditPayload(
        repository_id=repository_id,
        status="invalid" if broken else "valid",
        broken_links_count=len(broken),
        broken_links=broken,
    )
    return to_plain(payload)


def encode_chain(document_id: str, upstream: list[NodePayload], downstream: list[NodePayload]) -> dict[str, Any]:
    """The chain of a document as the wire writes it."""
    return to_plain(ChainPayload(document_id=document_id, upstream=upstream, downstream=downstream))


def _described(artifact: Artifact) -> dict[str, Any]:
    return {
        "title": artifact.title,
        "gxp_risk_rating": artifact.risk,
        "status": artifact.status,
        **_said(artifact, "description"),
        **_listed(artifact, "acceptance_criteria"),
    }


def _said(artifact: Artifact, *names: str) -> dict[str, Any]:
    """What its document says under each name, a list as lines."""
    return {name: "\n".join(artifact.details.get(name, ())) or None for name in names}


def _listed(artifact: Artifact, *names: str) -> dict[str, Any]:
    return {name: list(artifact.details.get(name, ())) or None for name in names}
