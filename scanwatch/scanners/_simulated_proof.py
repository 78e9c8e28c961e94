"""The annotations and the evidence of a simulated repository, about the specs that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from ..model import EVIDENCE_KINDS, Annotation, Artifact, Evidence

_SOURCES = (".py", ".ts", ".tsx")
_TAGGED = 0.85
"""How many specs are named in the sources, of all."""
_MISSPELT = 0.03
"""How many tags name a spec that is not there, of all."""
_FIRST_DAY = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
_SIGNATURES = ("verified",) * 8 + ("unverifiable", "unverifiable", "invalid")
_SIGNERS = ("qa-2026", "qa-2026", "release-2026")


def make_annotations(random: Random, artifacts: Sequence[Artifact], files: Sequence[str]) -> Iterator[Annotation]:
    """One tag in the sources and one in the tests for each spec that is tagged; none without such files."""
    sources = [file for file in files if file.startswith("src/") and file.endswith(_SOURCES)]
    tests = [file for file in files if file.startswith("tests/")]
    for spec in artifacts:
        if spec.kind == "spec" and random.random() < _TAGGED:
            if sources:
                yield _tag(random, spec, random.choice(sources), None)
            if tests:
                yield _tag(random, spec, random.choice(tests), spec.tier)


def _tag(random: Random, spec: Artifact, file: str, test_type: str | None) -> Annotation:
    resolved = random.random() >= _MISSPELT
    return Annotation(
        file,
        random.randint(1, 300),
        spec.artifact_id if resolved else f"{spec.artifact_id}9",
        "gxp-spec",
        "draft-03",
        test_type,
        spec.risk,
        (spec.parent_id,) if spec.parent_id else (),
        resolved,
    )


def make_evidence(random: Random, artifacts: Sequence[Artifact], commit: str) -> Iterator[Evidence]:
    """What each piece of evidence among the artifacts says; most of it holds."""
    specs = {row.artifact_id: row for row in artifacts if row.kind == "spec"}
    for row in artifacts:
        if row.kind in EVIDENCE_KINDS:
            yield _evidence(random, row, specs, commit)


def _evidence(random: Random, row: Artifact, specs: Mapping[str, Artifact], commit: str) -> Evidence:
    signature = random.choice(_SIGNATURES)
    time = _FIRST_DAY + timedelta(days=random.randrange(300), minutes=random.randrange(480))
    if row.kind == "evidence_package":  # its name ends in when it was made
        time = datetime.strptime(row.artifact_id[-24:-5], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    return Evidence(
        row.artifact_id,
        row.kind,
        row.file or "",
        spec_id=row.parent_id,
        tier=row.tier,
        user_story=specs[row.parent_id or ""].parent_id,
        signature=signature,
        signer=random.choice(_SIGNERS),
        algorithm="ES256",
        time=time,
        commit=commit,
        state_hash=f"{random.getrandbits(256):064x}",
        state_hash_form="with-nul",
        passed=random.randint(3, 40),
        failed=1 if random.random() < 0.08 else 0,
        skipped=random.randint(0, 2),
        intact=signature != "invalid",
    )
