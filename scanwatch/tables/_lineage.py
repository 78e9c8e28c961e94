"""How the artifacts of a repository hang together: traceability, and the risk register."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from ..model import EVIDENCE_KINDS, Artifact, Evidence
from ._types import COUNT, FLAG, TEXT, Column, listed, table

_BAD_SIGNATURES = frozenset({"invalid", "missing"})

TRACEABILITY = (
    Column("requirement", TEXT, "the requirement's id"),
    Column("user_story", TEXT, "the story's id; empty where the requirement has none"),
    Column("spec", TEXT, "the spec's id; empty where the story has none"),
    Column("evidence", TEXT, "the name of the evidence; empty where the spec has none"),
    Column("designed", FLAG, "whether the path goes from a requirement to a spec without a gap"),
    Column("verified", FLAG, "whether it goes on to evidence that is intact, of tests that passed, with a signature"),
)
RISKS = (
    Column("risk_id", TEXT, "the id of the entry"),
    Column("title", TEXT, "its title"),
    Column("level", TEXT, "its level, as written"),
    Column("status", TEXT, "its status, as written"),
    Column("requirement", TEXT, "the requirement it is about"),
    Column("requirement_risk", TEXT, "the risk of that requirement, as written there"),
    Column("agrees", FLAG, "whether both give the same risk"),
    Column("file", TEXT, "path in the repository"),
    Column("line", COUNT, "line in the file, from 1"),
)


@dataclass(frozen=True, slots=True)
class Path:
    """One path from a requirement down, as far as it goes."""

    requirement: str | None
    user_story: str | None = None
    spec: str | None = None
    evidence: str | None = None
    designed: bool = False
    verified: bool = False


@dataclass(frozen=True, slots=True)
class _Risk:
    """One entry of the risk register."""

    risk_id: str
    title: str | None
    level: str | None
    status: str | None
    requirement: str | None
    requirement_risk: str | None
    agrees: bool
    file: str | None
    line: int | None


@listed(TRACEABILITY)
def traceability_table(artifacts: Iterable[Artifact], evidence: Iterable[Evidence] = ()) -> pd.DataFrame:
    """Every path from a requirement by way of stories and specs to evidence, one row each, empty where it ends.

    Stories, specs and evidence whose parent is not there have rows too, with an empty beginning. *Designed* is not
    *verified*: a path that reaches a spec is designed, and verified once evidence says so.
    """
    return table(TRACEABILITY, list(Lineage(artifacts, evidence).paths()))


@listed(RISKS)
def risks_table(artifacts: Iterable[Artifact]) -> pd.DataFrame:
    """The risk register: one row for each entry of the risk log, in its order, beside the requirement it is about."""
    rows = list(artifacts)
    requirements = {row.artifact_id: row for row in reversed(rows) if row.kind == "requirement"}
    return table(RISKS, [_risk(row, requirements) for row in rows if row.kind == "risk_entry"])


def _risk(row: Artifact, requirements: Mapping[str, Artifact]) -> _Risk:
    requirement = requirements.get(row.parent_id or "")
    own, theirs = row.risk, None if requirement is None else requirement.risk
    agrees = own is not None and theirs is not None and own.upper() == theirs.upper()
    return _Risk(row.artifact_id, row.title, own, row.status, row.parent_id, theirs, agrees, row.file, row.line)


class Lineage:
    """The artifacts by kind and parent, and the paths through them.

    A document may belong to several others, where it says so; and a spec to a requirement without a story between.
    """

    def __init__(self, artifacts: Iterable[Artifact], evidence: Iterable[Evidence]) -> None:
        self._verified = {row.evidence_id for row in evidence if _verifies(row)}
        self._of_kind: dict[str, list[Artifact]] = defaultdict(list)
        self._below: dict[tuple[str, str | None], list[Artifact]] = defaultdict(list)
        for row in artifacts:
            kind = "evidence" if row.kind in EVIDENCE_KINDS else row.kind
            self._of_kind[kind].append(row)
            for parent in _parents(row):
                self._below[kind, parent].append(row)

    def paths(self) -> Iterator[Path]:
        """Those that begin with a requirement, then those whose beginning is missing."""
        for requirement in self._of_kind["requirement"]:
            stories = self._below["user_story", requirement.artifact_id]
            by_story = {id(spec) for story in stories for spec in self._below["spec", story.artifact_id]}
            specs = [spec for spec in self._below["spec", requirement.artifact_id] if id(spec) not in by_story]
            if not stories and not specs:
                yield Path(requirement.artifact_id)
            for story in stories:
                yield from self._from_story(story, requirement.artifact_id)
            for spec in specs:
                yield from self._from_spec(spec, None, requirement.artifact_id)
        for story in self._orphans("user_story", "requirement"):
            yield from self._from_story(story, None)
        for spec in self._orphans("spec", "user_story", "requirement"):
            yield from self._from_spec(spec, None, None)
        for proof in self._orphans("evidence", "spec"):
            yield Path(None, evidence=proof.artifact_id)

    def _from_story(self, story: Artifact, requirement: str | None) -> Iterator[Path]:
        specs = self._below["spec", story.artifact_id]
        if not specs:
            yield Path(requirement, story.artifact_id)
        for spec in specs:
            yield from self._from_spec(spec, story.artifact_id, requirement)

    def _from_spec(self, spec: Artifact, story: str | None, requirement: str | None) -> Iterator[Path]:
        designed = requirement is not None
        proofs = self._below["evidence", spec.artifact_id]
        if not proofs:
            yield Path(requirement, story, spec.artifact_id, None, designed)
        for proof in proofs:
            holds = designed and proof.artifact_id in self._verified
            yield Path(requirement, story, spec.artifact_id, proof.artifact_id, designed, holds)

    def _orphans(self, kind: str, *parent_kinds: str) -> list[Artifact]:
        parents = {row.artifact_id for parent_kind in parent_kinds for row in self._of_kind[parent_kind]}
        return [row for row in self._of_kind[kind] if parents.isdisjoint(_parents(row))]


def _parents(row: Artifact) -> list[str]:
    """What a row belongs to, each once."""
    if row.kind in EVIDENCE_KINDS:
        return [row.parent_id] if row.parent_id else []
    named = (row.parent_id, *row.details.get("implements", ()), *row.details.get("satisfies", ()))
    return list(dict.fromkeys(parent for parent in named if parent))


def _verifies(row: Evidence) -> bool:
    return row.intact and not row.failed and row.signature not in _BAD_SIGNATURES
