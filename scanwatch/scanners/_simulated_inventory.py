"""What a simulated repository holds: files, artifacts and findings that look like a real one's, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random

from ..model import Artifact, Finding

_RISKS = ("LOW", "MEDIUM", "MEDIUM", "HIGH")
_TIERS = ("IQ", "OQ", "OQ", "PQ")
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

_FINDINGS: tuple[tuple[str, str, str, str, frozenset[str]], ...] = (
    (
        "spec-without-evidence",
        "warning",
        "{id} has no evidence.",
        "Run its tests and store the signed result under .gxp/evidence.",
        frozenset({"spec"}),
    ),
    (
        "spec-without-tests",
        "warning",
        "{id} names no test file.",
        "List its tests under test_files.",
        frozenset({"spec"}),
    ),
    (
        "story-without-spec",
        "warning",
        "No spec says how {id} is met.",
        "Write a spec with this story as its parent.",
        frozenset({"user_story"}),
    ),
    (
        "requirement-without-story",
        "error",
        "No user story belongs to {id}.",
        "Write a user story with this requirement as its parent.",
        frozenset({"requirement"}),
    ),
    (
        "acceptance-criteria-missing",
        "info",
        "{id} has no acceptance criteria.",
        "Say when it is met.",
        frozenset({"requirement", "user_story"}),
    ),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a simulated scan finds; the same for the same name, seed and sizes."""

    files: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    findings: tuple[Finding, ...]
    commit: str


def make_inventory(name: str, *, seed: int, files: int, artifacts: int, findings: int) -> Inventory:
    """The inventory of the repository ``name``; with no file there is no artifact, without one no finding."""
    random = Random(f"{name}#{seed}")  # noqa: S311 a simulation, nothing secret
    commit = f"{random.getrandbits(160):040x}"
    rows = tuple(islice(_artifacts(random, name), artifacts if files else 0))
    documents = dict.fromkeys(row.file for row in rows if row.file is not None)
    paths = (*islice(documents, files), *islice(_code_files(random), max(0, files - len(documents))))
    return Inventory(paths, rows, tuple(islice(_findings(random, rows), findings)), commit)


def _artifacts(random: Random, name: str) -> Iterator[Artifact]:
    """A system context, then one requirement after the other, each with its stories and their specs."""
    title = name.rpartition("/")[2].replace("-", " ").capitalize()
    yield Artifact(
        "SYS-001", "system_context", title, risk="HIGH", status="VALIDATED", file=".gxp/system_context.md", line=1
    )
    for number in count(1):
        subject = _SUBJECTS[random.randrange(len(_SUBJECTS))]
        requirement = _document(random, "requirement", f"REQ-{number:03}", subject, None, random.choice(_RISKS))
        yield requirement
        for story_number in range(1, random.randint(1, 3) + 1):
            story_id = f"US-{number:03}-{story_number:03}"
            story = _document(random, "user_story", story_id, f"{subject}, step {story_number}", requirement, None)
            yield story
            for spec_number in range(1, random.randint(1, 2) + 1):
                spec_id = f"SPEC-{number:03}-{story_number * 10 + spec_number:03}"
                yield _document(random, "spec", spec_id, f"{subject}: design {spec_number}", story, None)


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


def _code_files(random: Random) -> Iterator[str]:
    for number in count(1):
        module = _MODULES[random.randrange(len(_MODULES))]
        if random.random() < 0.3:
            yield f"tests/{module}/test_{module}_{number:03}.py"
        else:
            yield f"src/{module}/part_{number:03}/{random.choice(_CODE)}"


def _findings(random: Random, artifacts: tuple[Artifact, ...]) -> Iterator[Finding]:
    possible = [
        Finding(rule, level, message.format(id=row.artifact_id), row.artifact_id, row.file, row.line, remedy)
        for row in artifacts
        for rule, level, message, remedy, kinds in _FINDINGS
        if row.kind in kinds
    ]
    random.shuffle(possible)
    yield from possible
