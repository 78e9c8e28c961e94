"""What a simulated repository holds: files and artifacts that look like a real one's, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random

from ..model import Annotation, Artifact, Evidence, Finding
from ._simulated_findings import make_findings
from ._simulated_proof import make_annotations, make_evidence

_RISKS = ("LOW", "MEDIUM", "MEDIUM", "HIGH")
_TIERS = ("IQ", "OQ", "OQ", "PQ")
_PROVEN = 0.7
"""How many specs have evidence, of all."""
_UP_TO_DATE = 0.9
"""How many entries of the risk log have the level of their requirement, of all."""
_STATUS = ("DRAFT", "APPROVED", "IMPLEMENTED", "VALIDATED")
_SUBJECTS = (
    "Electronic signature",
    "Audit trail",
    "Batch record",
    "Dose calculation",
    "Access control",
    "Data export",
    "Label printing",
    "Sample tracking",
    "Temperature alarm",
    "Password policy",
    "Backup and restore",
    "Deviation report",
)
_MODULES = (
    "auth",
    "ledger",
    "batch",
    "export",
    "audit",
    "labels",
    "samples",
    "alarms",
    "reports",
    "storage",
    "api",
    "web",
)
_CODE = ("service.py", "models.py", "routes.py", "queries.sql", "views.tsx", "client.ts", "schema.json", "README.md")


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a simulated scan finds; the same for the same name, seed and sizes."""

    files: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    annotations: tuple[Annotation, ...]
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    commit: str


def make_inventory(name: str, *, seed: int, files: int, artifacts: int, findings: int) -> Inventory:
    """The inventory of the repository ``name``; with no file there is no artifact, without one no finding."""
    random = Random(f"{name}#{seed}")  # noqa: S311 a simulation, nothing secret
    commit = f"{random.getrandbits(160):040x}"
    rows = tuple(islice(_artifacts(random, name), artifacts if files else 0))
    documents = dict.fromkeys(row.file for row in rows if row.file is not None)
    paths = (*islice(documents, files), *islice(_code_files(random), max(0, files - len(documents))))
    annotations = tuple(make_annotations(random, rows, paths))
    evidence = tuple(make_evidence(random, rows, commit))
    return Inventory(paths, rows, annotations, evidence, make_findings(rows, annotations, evidence, findings), commit)


def _artifacts(random: Random, name: str) -> Iterator[Artifact]:
    """A system context, then one requirement after the other: its risk, its stories, their specs and the evidence."""
    title = name.rpartition("/")[2].replace("-", " ").capitalize()
    yield Artifact(
        "SYS-001", "system_context", title, risk="HIGH", status="VALIDATED", file=".gxp/system_context.md", line=1
    )
    for number in count(1):
        subject = _SUBJECTS[random.randrange(len(_SUBJECTS))]
        requirement = _document(random, "requirement", f"REQ-{number:03}", subject, None, random.choice(_RISKS))
        yield requirement
        yield _risk_entry(random, number, requirement)
        for story_number in range(1, random.randint(1, 3) + 1):
            story_id = f"US-{number:03}-{story_number:03}"
            story = _document(random, "user_story", story_id, f"{subject}, step {story_number}", requirement, None)
            yield story
            for spec_number in range(1, random.randint(1, 2) + 1):
                spec_id = f"SPEC-{number:03}-{story_number * 10 + spec_number:03}"
                spec = _document(random, "spec", spec_id, f"{subject}: design {spec_number}", story, None)
                yield spec
                if random.random() < _PROVEN:
                    yield _proof(random, spec)


def _document(
    random: Random, kind: str, artifact_id: str, title: str, parent: Artifact | None, risk: str | None
) -> Artifact:
    folder = {"requirement": "requirements", "user_story": "user_stories", "spec": "specs"}[kind]
    return Artifact(
        artifact_id,
        kind,
        title,
        risk=parent.risk if parent else risk,
        tier=random.choice(_TIERS) if kind == "spec" else None,
        status=random.choice(_STATUS),
        parent_id=parent.artifact_id if parent else None,
        file=f".gxp/{folder}/{artifact_id}.md",
        line=1,
    )


def _risk_entry(random: Random, number: int, requirement: Artifact) -> Artifact:
    """The entry of the risk log about a requirement; now and then its level was left behind."""
    return Artifact(
        f"RISK-{number:03}",
        "risk_entry",
        f"{requirement.title} fails",
        risk=requirement.risk if random.random() < _UP_TO_DATE else "LOW",
        status=random.choice(("open", "mitigated", "mitigated", "accepted")),
        parent_id=requirement.artifact_id,
        file=".gxp/risk_assessment.log",
        line=number,
    )


def _proof(random: Random, spec: Artifact) -> Artifact:
    """A signed result of the spec's tests, on its own or in a package."""
    if random.random() < 0.5:
        name, folder, suffix, kind = f"EV-{spec.artifact_id}", "", ".jws", "evidence_jws"
    else:
        day = f"2026-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
        name, folder, suffix = f"{spec.tier}-{spec.artifact_id}-{day}T09-30-00-000Z", "packages/", ""
        kind = "evidence_package"
    file = f".gxp/evidence/{folder}{name}{suffix}"
    return Artifact(name, kind, tier=spec.tier, parent_id=spec.artifact_id, file=file)


def _code_files(random: Random) -> Iterator[str]:
    for number in count(1):
        module = _MODULES[random.randrange(len(_MODULES))]
        if random.random() < 0.3:
            yield f"tests/{module}/test_{module}_{number:03}.py"
        else:
            yield f"src/{module}/part_{number:03}/{random.choice(_CODE)}"
