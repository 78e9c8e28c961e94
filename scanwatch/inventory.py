"""What scans find, as plain, immutable records; :mod:`scanwatch.model` has them too, beside the records of scans.

Annotations, of which there are most by far, are msgspec structs, as :mod:`scanwatch.model` says of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec


@dataclass(frozen=True, slots=True)
class Artifact:
    """A thing of the validation record found in a repository; ``line`` counts from 1.

    ``details``: what else its document says, by the names of :data:`ARTIFACT_DETAILS`, lists as they are.
    """

    artifact_id: str
    kind: str
    title: str | None = None
    risk: str | None = None
    tier: str | None = None
    status: str | None = None
    parent_id: str | None = None
    file: str | None = None
    line: int | None = None
    details: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


ARTIFACT_DETAILS = (
    *("satisfies", "implements"),
    *("description", "acceptance_criteria", "as_a", "i_want", "so_that"),
    *("design_approach", "implementation_notes", "source_files", "test_files"),
    *("version", "intended_use", "regulatory_context"),
    *("system_owner", "technical_contact", "deployment_environment"),
)
ARTIFACT_KINDS = (
    "system_context",
    "requirement",
    "user_story",
    "spec",
    "adr",
    "risk_entry",
    "vendor_assessment",
    "evidence_jws",
    "evidence_package",
    "evidence_record",
)
EVIDENCE_KINDS = tuple(kind for kind in ARTIFACT_KINDS if kind.startswith("evidence_"))
"""A signed result, a package, a record of testing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a rule has to say; ``level`` is ``error``, ``warning`` or ``info``."""

    rule: str
    level: str
    message: str
    artifact_id: str | None = None
    file: str | None = None
    line: int | None = None
    remedy: str | None = None
    suppressed: bool = False


FINDING_LEVELS = ("error", "warning", "info")


@dataclass(init=False, repr=False, eq=False, match_args=False)  # for replace(), fields() and asdict()
class Annotation(msgspec.Struct, frozen=True):
    """One id that a tag in a comment of a source file names, and what the tags beside it say; ``line`` is the id's.

    ``resolved``: a document of the record, or another annotation, declares the id.
    """

    file: str
    line: int
    artifact_id: str
    tag: str
    dialect: str
    test_type: str | None = None
    risk: str | None = None
    traces: tuple[str, ...] = ()
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence: what it says of a spec, whose signature it has, and whether it holds.

    ``signature`` is ``verified``, ``invalid``, ``unverifiable`` (nobody gave the key), ``missing``, or ``unsigned`` (a
    record of testing, which carries none: ``signer`` is then who tested, and the record counts as one test);
    ``state_hash_form`` the form in which its state hash is that of the sources at its commit, ``None`` if it is none or
    could not be computed. ``intact``: no error was found in it.
    """

    evidence_id: str
    kind: str
    file: str
    spec_id: str | None = None
    tier: str | None = None
    user_story: str | None = None
    signature: str = "unverifiable"
    signer: str | None = None
    algorithm: str | None = None
    time: datetime | None = None
    commit: str | None = None
    state_hash: str | None = None
    state_hash_form: str | None = None
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None
    intact: bool = True


EVIDENCE_SIGNATURES = ("verified", "invalid", "unverifiable", "missing", "unsigned")
ANNOTATION_DIALECTS = ("draft-02", "draft-03", "gxp.md-3", "rosie-1.1")


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What a scanner hands over when it is done: the whole inventory, kept or dropped as one.

    ``dialects``: those in which the record and its tags are written, the one with the most signs first.
    """

    artifacts: tuple[Artifact, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: int | None = None
    commit: str | None = None
    annotations: tuple[Annotation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    dialects: tuple[str, ...] = ()
