"""How much of the requirements is designed and verified: by risk and tier, and requirement by requirement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ..errors import UsageError
from ..model import Artifact, Evidence
from ._lineage import Lineage
from ._types import COUNT, FLAG, RISK, SHARE, TEXT, TIER, Column, listed, table

_RISKS = ("HIGH", "MEDIUM", "LOW")
_TIERS = ("IQ", "OQ", "PQ")
_TIERS_OF_RISK: Mapping[str | None, tuple[str, ...]] = {"HIGH": ("IQ", "OQ", "PQ"), "MEDIUM": ("OQ", "PQ")}
_TIERS_OF_ANY_RISK = ("OQ",)
"""What every risk demands, and so also one that nobody has written down."""

COVERAGE = (
    Column("risk", RISK, "the risk of the requirements; empty where they name none"),
    Column("tier", TIER, "the verification tier"),
    Column("requirements", COUNT, "requirements of that risk, in number"),
    Column("designed", COUNT, "those of them with a spec, in number"),
    Column("verified", COUNT, "those of them verified by evidence of that tier, in number"),
    Column("share", SHARE, "verified of all, 0-1"),
    Column("demanded", FLAG, "whether the risk demands evidence of that tier"),
)
COVERAGE_OF_REQUIREMENTS = (
    Column("requirement", TEXT, "the requirement's id"),
    Column("title", TEXT, "its title"),
    Column("risk", RISK, "its risk; empty where it names none"),
    Column("tier", TIER, "the verification tier"),
    Column("designed", COUNT, "its specs of that tier, or with evidence of it, in number"),
    Column("verified", COUNT, "those of them verified by evidence of that tier, in number"),
    Column("share", SHARE, "verified of designed, 0-1; empty where nothing is designed"),
    Column("demanded", FLAG, "whether the risk demands evidence of that tier"),
)


@dataclass(frozen=True, slots=True)
class _OfRisk:
    """What is covered of one risk in one tier."""

    risk: str | None
    tier: str
    requirements: int
    designed: int
    verified: int
    share: float
    demanded: bool


@dataclass(frozen=True, slots=True)
class _OfRequirement:
    """What is covered of one requirement in one tier."""

    requirement: str
    title: str | None
    risk: str | None
    tier: str
    designed: int
    verified: int
    share: float | None
    demanded: bool


@dataclass(slots=True)
class _Specs:
    """The specs on whole paths from one requirement: all, by tier, and those that evidence of a tier verifies."""

    all: set[str] = field(default_factory=set)
    designed: dict[str | None, set[str]] = field(default_factory=lambda: defaultdict(set))
    verified: dict[str | None, set[str]] = field(default_factory=lambda: defaultdict(set))


def coverage_table(artifacts: Iterable[Artifact], evidence: Iterable[Evidence] = (), by: str = "risk") -> pd.DataFrame:
    """How much of the requirements is designed and verified: by ``"risk"`` and tier, or by ``"requirement"`` and tier.

    Raises:
        UsageError: ``by`` is neither.
    """
    build = {"risk": coverage_by_risk, "requirement": coverage_by_requirement}.get(by)
    if build is None:
        raise UsageError(f"by is {by!r}; coverage is counted by 'risk' or by 'requirement'.")
    return build(artifacts, evidence)


@listed(COVERAGE)
def coverage_by_risk(artifacts: Iterable[Artifact], evidence: Iterable[Evidence] = ()) -> pd.DataFrame:
    """How many requirements are designed and verified, one row for each risk and tier, HIGH first.

    Tiers that a risk does not demand have a row where there is evidence of them.
    """
    rows, proofs = list(artifacts), list(evidence)
    return table(COVERAGE, list(_risks(_requirements(rows), _specs(rows, proofs))))


@listed(COVERAGE_OF_REQUIREMENTS)
def coverage_by_requirement(artifacts: Iterable[Artifact], evidence: Iterable[Evidence] = ()) -> pd.DataFrame:
    """How many specs of each requirement are verified, one row for each requirement and tier, HIGH first.

    Tiers that its risk does not demand have a row where it has specs of them.
    """
    rows, proofs = list(artifacts), list(evidence)
    return table(COVERAGE_OF_REQUIREMENTS, list(_each(_requirements(rows), _specs(rows, proofs))))


def _requirements(artifacts: Iterable[Artifact]) -> Mapping[str | None, Sequence[Artifact]]:
    """The requirements by their risk, HIGH first; a risk in words of its own, and none, come last."""
    by_risk: dict[str | None, list[Artifact]] = defaultdict(list)
    for row in artifacts:
        if row.kind == "requirement":
            by_risk[row.risk.upper() if row.risk else None].append(row)
    order = [risk for risk in _RISKS if risk in by_risk] + [risk for risk in by_risk if risk not in _RISKS]
    return {risk: by_risk[risk] for risk in order}


def _specs(artifacts: Sequence[Artifact], evidence: Sequence[Evidence]) -> Mapping[str | None, _Specs]:
    """By requirement, the specs on whole paths from it."""
    own_tier = {row.artifact_id: row.tier.upper() for row in artifacts if row.kind == "spec" and row.tier}
    tier_of = {row.evidence_id: row.tier.upper() for row in evidence if row.tier}
    of: dict[str | None, _Specs] = defaultdict(_Specs)
    for path in Lineage(artifacts, evidence).paths():
        if not path.designed or path.spec is None:
            continue
        specs = of[path.requirement]
        specs.all.add(path.spec)
        specs.designed[own_tier.get(path.spec)].add(path.spec)
        if path.evidence is not None:
            tier = tier_of.get(path.evidence)
            specs.designed[tier].add(path.spec)
            if path.verified:
                specs.verified[tier].add(path.spec)
    return of


def _demanded(risk: str | None) -> tuple[str, ...]:
    return _TIERS_OF_RISK.get(risk, _TIERS_OF_ANY_RISK)


def _risks(
    requirements: Mapping[str | None, Sequence[Artifact]], specs: Mapping[str | None, _Specs]
) -> Iterator[_OfRisk]:
    for risk, rows in requirements.items():
        found = [specs.get(row.artifact_id, _Specs()) for row in rows]
        designed = sum(bool(one.all) for one in found)
        for tier in _TIERS:
            verified = sum(bool(one.verified.get(tier)) for one in found)
            demanded = tier in _demanded(risk)
            if demanded or verified:
                yield _OfRisk(risk, tier, len(rows), designed, verified, verified / len(rows), demanded)


def _each(
    requirements: Mapping[str | None, Sequence[Artifact]], specs: Mapping[str | None, _Specs]
) -> Iterator[_OfRequirement]:
    for risk, rows in requirements.items():
        for row in rows:
            found = specs.get(row.artifact_id, _Specs())
            for tier in _TIERS:
                designed, verified = (len(one.get(tier, ())) for one in (found.designed, found.verified))
                demanded = tier in _demanded(risk)
                if demanded or designed:
                    share = verified / designed if designed else None
                    yield _OfRequirement(row.artifact_id, row.title, risk, tier, designed, verified, share, demanded)
