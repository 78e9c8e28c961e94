"""Two scans are compared: what came, what went, what changed and what only moved.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import Artifact, Finding, ScanOutcome
from scanwatch.tables import comparison_table

OLD = ScanOutcome(
    (Artifact("REQ-001", "requirement", "Pay", "LOW", line=2), Artifact("REQ-002", "requirement")),
    (Finding("title-missing", "warning", "no title", "REQ-002", "b.md", 2), Finding("x", "info", "stays", line=1)),
)
NEW = ScanOutcome(
    (Artifact("REQ-001", "requirement", "Pay", "HIGH", line=2), Artifact("REQ-003", "requirement", file="c.md")),
    (Finding("title-missing", "warning", "no title", "REQ-002", "b.md", 9), Finding("x", "info", "stays", line=1)),
)
artifacts = st.builds(Artifact, st.sampled_from("AB"), st.just("spec"), title=st.sampled_from(["x", "y"]))
findings = st.builds(Finding, st.sampled_from("rs"), st.just("info"), st.just("m"), line=st.integers(1, 3))
outcomes = st.builds(ScanOutcome, st.lists(artifacts, max_size=5).map(tuple), st.lists(findings, max_size=6).map(tuple))


def test_each_difference_has_a_row_with_what_was_and_what_is() -> None:
    table = comparison_table(OLD, NEW)[["what", "change", "artifact_id", "field", "before", "after"]].astype("object")
    assert table.where(table.notna(), "").to_numpy().tolist() == [
        ["artifact", "changed", "REQ-001", "risk", "LOW", "HIGH"],
        ["artifact", "removed", "REQ-002", "", "", ""],
        ["artifact", "added", "REQ-003", "", "", ""],
        ["finding", "moved", "REQ-002", "", "b.md:2", "b.md:9"],
    ]


def test_what_a_document_says_is_compared_name_by_name() -> None:
    before = Artifact("REQ-001", "requirement", details={"description": ("old",), "acceptance_criteria": ("a", "b")})
    after = Artifact("REQ-001", "requirement", details={"description": ("old",), "acceptance_criteria": ("a", "c")})
    table = comparison_table(ScanOutcome((before,)), ScanOutcome((after,)))
    assert table[["change", "field", "before", "after"]].to_numpy().tolist() == [
        ["changed", "acceptance_criteria", "a\nb", "a\nc"]
    ]


def test_new_and_fixed_findings_are_added_and_removed() -> None:
    table = comparison_table(ScanOutcome(findings=OLD.findings[:1]), ScanOutcome(findings=NEW.findings[1:]))
    assert table[["change", "kind"]].to_numpy().tolist() == [["removed", "title-missing"], ["added", "x"]]


def test_nothing_is_different_in_the_same_scan_and_the_columns_are_there() -> None:
    table = comparison_table(OLD, OLD)
    assert len(table) == 0
    assert table.dtypes.to_dict() == comparison_table(OLD, NEW).dtypes.to_dict()


@given(outcomes, outcomes)
def test_a_comparison_the_other_way_round_says_the_opposite(one: ScanOutcome, other: ScanOutcome) -> None:
    there, back = comparison_table(one, other), comparison_table(other, one)
    opposite = {"added": "removed", "removed": "added", "changed": "changed", "moved": "moved"}
    assert sorted(map(opposite.get, there["change"])) == sorted(back["change"])
    assert len(comparison_table(one, one)) == 0
