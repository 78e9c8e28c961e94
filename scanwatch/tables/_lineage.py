"""How the artifacts of a repository hang together: traceability, coverage by risk and tier, the risk register."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..model import EVIDENCE_KINDS, Artifact, Evidence
from ._types import COUNT, FLAG, RISK, SHARE, TEXT, TIER, Column, listed, table

_RISKS = ("HIGH", "MEDIUM", "LOW")
_TIERS_OF_RISK: Mapping[str, tuple[str, ...]] = {"HIGH": ("IQ", "OQ", "PQ"), "MEDIUM": ("OQ", "PQ"), "LOW": ("OQ",)}
_BAD_SIGNATURES = frozenset({"invalid", "missing"})

TRACEABILITY = (
    Column("requirement", TEXT, "the requirement's id"),
    Column("user_story", TEXT, "the story's id; empty where the requirement has none"),
    Column("spec", TEXT, "the spec's id; empty where the story has none"),
    Column("evidence", TEXT, "the name of the evidence; empty where the spec has none"),
    Column("designed", FLAG, "whether the path goes from a requirement to a spec without a gap"),
    Column("verified", FLAG, "whether it goes on to evidence that is intact, of tests that passed, with a signature"),
)
COVERAGE = (
    Column("risk", RISK, "the risk of the requirement"),
    Column("tier", TIER, "the verification tier"),
    Column("requirements", COUNT, "requirements of that risk, in number"),
    Column("designed", COUNT, "those of them with a spec, in number"),
    Column("verified", COUNT, "those of them verified by evidence of that tier, in number"),
    Column("share", SHARE, "verified of all, 0-1"),
    Column("demanded", FLAG, "whether the risk demands evidence of that tier"),
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
class _Path:
    """One path from a requirement down, as far as it goes."""

    requirement: str | None
    user_story: str | None = None
    spec: str | None = None
    evidence: str | None = None
    designed: bool = False
    verified: bool = False


@dataclass(frozen=True, slots=True)
class _Covered:
    """What is covered of one risk in one tier."""

    risk: str
    tier: str
    requirements: int
    designed: int
    verified: int
    share: float | None
    demanded: bool


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
    return table(TRACEABILITY, list(_Lineage(artifacts, evidence).paths()))


@listed(COVERAGE)
def coverage_table(artifacts: Iterable[Artifact], evidence: Iterable[Evidence] = ()) -> pd.DataFrame:
    """How many requirements are designed and verified, one row for each risk and tier, HIGH first.

    Tiers that a risk does not demand have a row where there is evidence of them.
    """
    rows, proofs = list(artifacts), list(evidence)
    return table(COVERAGE, list(_covered(rows, proofs)))


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


class _Lineage:
    """The artifacts by kind and parent, and the paths through them."""

    def __init__(self, artifacts: Iterable[Artifact], evidence: Iterable[Evidence]) -> None:
        self._verified = {row.evidence_id for row in evidence if _verifies(row)}
        self._of_kind: dict[str, list[Artifact]] = defaultdict(list)
        self._below: dict[tuple[str, str | None], list[Artifact]] = defaultdict(list)
        for row in artifacts:
            kind = "evidence" if row.kind in EVIDENCE_KINDS else row.kind
            self._of_kind[kind].append(row)
            self._below[kind, row.parent_id].append(row)

    def paths(self) -> Iterator[_Path]:
        """Those that begin with a requirement, then those whose beginning is missing."""
        for requirement in self._of_kind["requirement"]:
            stories = self._below["user_story", requirement.artifact_id]
            if not stories:
                yield _Path(requirement.artifact_id)
            for story in stories:
                yield from self._from_story(story, requirement.artifact_id)
        for story in self._orphans("user_story", "requirement"):
            yield from self._from_story(story, None)
        for spec in self._orphans("spec", "user_story"):
            yield from self._from_spec(spec, None, None)
        for proof in self._orphans("evidence", "spec"):
            yield _Path(None, evidence=proof.artifact_id)

    def _from_story(self, story: Artifact, requirement: str | None) -> Iterator[_Path]:
        specs = self._below["spec", story.artifact_id]
        if not specs:
            yield _Path(requirement, story.artifact_id)
        for spec in specs:
            yield from self._from_spec(spec, story.artifact_id, requirement)

    def _from_spec(self, spec: Artifact, story: str | None, requirement: str | None) -> Iterator[_Path]:
        designed = story is not None and requirement is not None
        proofs = self._below["evidence", spec.artifact_id]
        if not proofs:
            yield _Path(requirement, story, spec.artifact_id, None, designed)
        for proof in proofs:
            holds = designed and proof.artifact_id in self._verified
            yield _Path(requirement, story, spec.artifact_id, proof.artifact_id, designed, holds)

    def _orphans(self, kind: str, parent_kind: str) -> list[Artifact]:
        parents = {row.artifact_id for row in self._of_kind[parent_kind]}
        return [row for row in self._of_kind[kind] if row.parent_id not in parents]


def _verifies(row: Evidence) -> bool:
    return row.intact and not row.failed and row.signature not in _BAD_SIGNATURES


def _covered(artifacts: Sequence[Artifact], evidence: Sequence[Evidence]) -> Iterator[_Covered]:
    tiers = {row.evidence_id: row.tier for row in evidence}
    designed: set[str | None] = set()
    verified: dict[str | None, set[str | None]] = defaultdict(set)
    for path in _Lineage(artifacts, evidence).paths():
        if path.designed:
            designed.add(path.requirement)
        if path.verified:
            verified[path.requirement].add(tiers.get(path.evidence or ""))
    by_risk: dict[str, list[str]] = defaultdict(list)
    for row in artifacts:
        if row.kind == "requirement":
            by_risk[(row.risk or "").upper()].append(row.artifact_id)
    for risk in sorted(by_risk, key=lambda one: _RISKS.index(one) if one in _RISKS else len(_RISKS)):
        ids = by_risk[risk]
        for tier in ("IQ", "OQ", "PQ"):
            done = sum(tier in verified[one] for one in ids)
            demanded = tier in _TIERS_OF_RISK.get(risk, ())
            if demanded or done:
                with_spec = sum(one in designed for one in ids)
                yield _Covered(risk, tier, len(ids), with_spec, done, done / len(ids), demanded)
