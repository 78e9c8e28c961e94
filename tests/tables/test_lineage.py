"""What is designed is kept apart from what is verified, for good, broken and empty repositories.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.errors import UsageError
from scanwatch.model import ARTIFACT_KINDS, Artifact, Evidence
from scanwatch.tables import coverage_by_requirement, coverage_table, risks_table, traceability_table

RECORD = [
    Artifact("REQ-001", "requirement", risk="HIGH"),
    Artifact("US-001-001", "user_story", parent_id="REQ-001"),
    Artifact("SPEC-001-001", "spec", parent_id="US-001-001"),
    Artifact("OQ-1", "evidence_package", parent_id="SPEC-001-001"),
    Artifact("PQ-1", "evidence_package", parent_id="SPEC-001-001"),
    Artifact("SPEC-001-002", "spec", parent_id="US-001-001"),
    Artifact("US-001-002", "user_story", parent_id="REQ-001"),
    Artifact("REQ-002", "requirement", risk="LOW"),
]
PROOFS = [
    Evidence("OQ-1", "evidence_package", "oq", "SPEC-001-001", "OQ", signature="verified", passed=3, failed=0),
    Evidence("PQ-1", "evidence_package", "pq", "SPEC-001-001", "PQ", signature="verified", passed=2, failed=1),
]


def rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple("" if value is pd.NA else value for value in row) for row in table.itertuples(index=False, name=None)]


def test_there_is_a_row_for_each_path_and_it_ends_where_the_path_ends() -> None:
    assert rows(traceability_table(RECORD, PROOFS)) == [
        ("REQ-001", "US-001-001", "SPEC-001-001", "OQ-1", True, True),
        ("REQ-001", "US-001-001", "SPEC-001-001", "PQ-1", True, False),
        ("REQ-001", "US-001-001", "SPEC-001-002", "", True, False),
        ("REQ-001", "US-001-002", "", "", False, False),
        ("REQ-002", "", "", "", False, False),
    ]


def test_what_has_no_parent_begins_where_it_is_and_is_not_designed() -> None:
    orphans = [
        Artifact("US-9", "user_story", parent_id="REQ-404"),
        Artifact("SPEC-9", "spec", parent_id="US-9"),
        Artifact("SPEC-8", "spec"),
        Artifact("EV-7", "evidence_jws", parent_id="SPEC-404"),
    ]
    proof = Evidence("EV-7", "evidence_jws", "ev", "SPEC-404", "OQ", signature="verified")
    assert rows(traceability_table(orphans, [proof])) == [
        ("", "US-9", "SPEC-9", "", False, False),
        ("", "", "SPEC-8", "", False, False),
        ("", "", "", "EV-7", False, False),
    ]


def test_a_spec_may_serve_several_requirements_by_way_of_stories_or_directly() -> None:
    record = [
        *(Artifact(f"REQ-{number}", "requirement", risk="LOW") for number in (1, 2, 3)),
        Artifact("US-7", "user_story", parent_id="REQ-1", details={"satisfies": ("REQ-1", "REQ-2")}),
        Artifact(
            "SPEC-5", "spec", parent_id="US-7", details={"implements": ("US-7",), "satisfies": ("REQ-2", "REQ-3")}
        ),
    ]
    assert rows(traceability_table(record)) == [
        ("REQ-1", "US-7", "SPEC-5", "", True, False),
        ("REQ-2", "US-7", "SPEC-5", "", True, False),
        ("REQ-3", "", "SPEC-5", "", True, False),
    ]
    assert coverage_table(record)["designed"].tolist() == [3]


@pytest.mark.parametrize(
    ("change", "verified"),
    [({}, True), ({"signature": "unverifiable"}, True), ({"signature": "invalid"}, False), ({"intact": False}, False)],
)
def test_evidence_verifies_if_it_holds(change: dict[str, object], verified: bool) -> None:
    proof = Evidence(**{"evidence_id": "OQ-1", "kind": "evidence_package", "file": "f", "tier": "OQ", **change})
    assert traceability_table(RECORD[:4], [proof])["verified"].tolist() == [verified]


def test_coverage_counts_requirements_by_risk_and_tier_high_first() -> None:
    assert rows(coverage_table(RECORD, PROOFS)) == [
        ("HIGH", "IQ", 1, 1, 0, 0.0, True),
        ("HIGH", "OQ", 1, 1, 1, 1.0, True),
        ("HIGH", "PQ", 1, 1, 0, 0.0, True),
        ("LOW", "OQ", 1, 0, 0, 0.0, True),
    ]


def test_coverage_by_requirement_counts_its_specs_tier_by_tier() -> None:
    table = coverage_table(RECORD, PROOFS, by="requirement")
    columns = ["requirement", "risk", "tier", "designed", "verified", "demanded"]
    assert rows(table[columns]) == [
        ("REQ-001", "HIGH", "IQ", 0, 0, True),
        ("REQ-001", "HIGH", "OQ", 1, 1, True),
        ("REQ-001", "HIGH", "PQ", 1, 0, True),
        ("REQ-002", "LOW", "OQ", 0, 0, True),
    ]
    assert table["share"].isna().tolist() == [True, False, False, True]


def test_a_spec_belongs_to_its_own_tier_before_there_is_evidence() -> None:
    record = [*RECORD[:2], Artifact("SPEC-1", "spec", tier="iq", parent_id="US-001-001")]
    assert coverage_table(record, by="requirement")["designed"].tolist() == [1, 0, 0]


@pytest.mark.parametrize("by", ["risk", "requirement"])
def test_a_requirement_that_names_no_risk_demands_the_least_and_is_counted(by: str) -> None:
    table = coverage_table([Artifact("REQ-001", "requirement")], by=by)
    assert rows(table[["tier", "demanded"]]) == [("OQ", True)]
    assert table["risk"].isna().all()


def test_coverage_by_anything_else_is_refused() -> None:
    with pytest.raises(UsageError, match="'tier'; coverage is counted by 'risk' or by 'requirement'"):
        coverage_table([], by="tier")


def test_the_risk_register_says_whether_both_give_the_same_risk() -> None:
    entries = [
        Artifact("RISK-1", "risk_entry", "Wrong amount", risk="high", status="open", parent_id="REQ-001", line=3),
        Artifact("RISK-2", "risk_entry", risk="LOW", parent_id="REQ-404"),
    ]
    table = risks_table([*RECORD, *entries])
    assert table["agrees"].tolist() == [True, False]
    assert table.loc[0, ["requirement", "requirement_risk", "line"]].tolist() == ["REQ-001", "HIGH", 3]


@pytest.mark.parametrize("build", [traceability_table, coverage_table, coverage_by_requirement, risks_table])
def test_an_empty_repository_has_the_same_columns_and_types(build: object) -> None:
    full = [*RECORD, Artifact("RISK-1", "risk_entry", risk="HIGH", parent_id="REQ-001", line=1)]
    assert build([]).dtypes.to_dict() == build(full).dtypes.to_dict()  # type: ignore[operator]
    assert len(build([])) == 0  # type: ignore[operator]


names = st.sampled_from(["A", "B", "C", "D"])
records = st.lists(
    st.builds(
        Artifact,
        names,
        st.sampled_from(ARTIFACT_KINDS),
        risk=st.sampled_from(["HIGH", "low", None]),
        parent_id=st.none() | names,
    ),
    max_size=12,
    unique_by=lambda row: (row.kind, row.artifact_id),
)
proofs = st.lists(
    st.builds(Evidence, names, st.just("evidence_jws"), st.just("f"), tier=st.sampled_from(["OQ", "PQ"])), max_size=4
)


@given(st.lists(st.builds(Artifact, names, st.sampled_from(ARTIFACT_KINDS), parent_id=st.none() | names), max_size=12))
def test_any_record_however_broken_shows_every_requirement_story_spec_and_evidence(record: list[Artifact]) -> None:
    table = traceability_table(record)
    for kind, column in (("requirement", "requirement"), ("user_story", "user_story"), ("spec", "spec")):
        assert set(table[column].dropna()) == {row.artifact_id for row in record if row.kind == kind}
    proofs = {row.artifact_id for row in record if row.kind.startswith("evidence")}
    assert set(table["evidence"].dropna()) == proofs
    coverage_table(record)


@given(records, proofs)
def test_both_coverages_count_the_same_verified_requirements(record: list[Artifact], evidence: list[Evidence]) -> None:
    by_risk, by_requirement = (coverage_table(record, evidence, by=by) for by in ("risk", "requirement"))
    verified = by_requirement[by_requirement["verified"] > 0]
    counts = verified.groupby(["risk", "tier"], observed=True, dropna=False).size()
    of_risk = by_risk[by_risk["verified"] > 0].set_index(["risk", "tier"])["verified"]
    assert sorted(of_risk) == sorted(counts)
