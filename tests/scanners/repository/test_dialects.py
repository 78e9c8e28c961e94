"""The tags of a comment are read in every dialect, each id at its line and with what is said of it.

@gxp-spec SPEC-004-004 "Annotations in source files"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import ANNOTATION_DIALECTS, Annotation
from scanwatch.scanners.repository.source.comments import Block
from scanwatch.scanners.repository.source.dialects import read_block

V3_SPEC = """---
gxp_id: SPEC-001-001
title: Card terminal
implements: [US-001-001]
verification_tier: OQ
test_files: [tests]
---
"""
DRAFT_02_LOG = "[2026-01-02] RISK-001 | REQ-001 | Risk: LOW | Impact: x | Mitigation: y | Test Coverage: SPEC-001-001\n"


def read(text: str) -> list[Annotation]:
    references, _ = read_block(Block(text, 10), "src/a.ts")
    assert all(reference.annotation.resolved for reference in references)
    return [replace(reference.annotation, resolved=False) for reference in references]


def wrong(text: str) -> list[tuple[str, int | None]]:
    _, findings = read_block(Block(text, 10), "src/a.ts")
    return [(finding.rule, finding.line) for finding in findings]


def test_draft_02() -> None:
    text = (
        "/**\n * @gxp-tag SPEC-001-001\n * @gxp-criticality H\n * @test-type unit\n"
        " * @trace US-001-001\n * @requirement REQ-001\n */"
    )
    assert read(text) == [
        Annotation("src/a.ts", 11, "SPEC-001-001", "gxp-tag", "draft-02", "unit", "H", ("US-001-001", "REQ-001")),
        Annotation("src/a.ts", 14, "US-001-001", "trace", "draft-02", "unit", "H"),
        Annotation("src/a.ts", 15, "REQ-001", "requirement", "draft-02", "unit", "H"),
    ]


def test_draft_03_and_its_titles() -> None:
    text = '/** @gxp-req REQ-001 "Pay" */'
    references, findings = read_block(Block(text, 1), "src/a.ts")
    assert [(one.annotation.artifact_id, one.annotation.dialect, one.title) for one in references] == [
        ("REQ-001", "draft-03", "Pay")
    ]
    assert findings == []
    assert not read_block(Block("/** @gxp-req REQ-001 */", 1), "src/a.ts")[0][0].title


def test_gxp_md_3_names_several_ids_with_commas_across_lines() -> None:
    rows = read("# @gxp-verifies SPEC-001, SPEC-002,\n#   SPEC-003\n# @gxp-derives-from REQ-001\n# @test-type PQ")
    assert [(row.artifact_id, row.line, row.tag) for row in rows] == [
        ("SPEC-001", 10, "gxp-verifies"),
        ("SPEC-002", 10, "gxp-verifies"),
        ("SPEC-003", 11, "gxp-verifies"),
        ("REQ-001", 12, "gxp-derives-from"),
    ]
    assert {row.dialect for row in rows} == {"gxp.md-3"}
    assert rows[2].traces == ("REQ-001",)


def test_rosie_1_1_has_colons() -> None:
    rows = read("# @gxp-id: PAY-OQ-101\n# @gxp-traces: PAY-URS-1,PAY-FRS-2\n# @gxp-type: OQ\n# @gxp-desc: Pays.")
    assert rows[0] == Annotation(
        "src/a.ts", 10, "PAY-OQ-101", "gxp-id", "rosie-1.1", "OQ", None, ("PAY-URS-1", "PAY-FRS-2")
    )
    assert [row.artifact_id for row in rows[1:]] == ["PAY-URS-1", "PAY-FRS-2"]


def test_a_value_may_stand_in_braces() -> None:
    assert [row.artifact_id for row in read("/** @gxp-tag {SPEC-001-001} */")] == ["SPEC-001-001"]


def test_pairs_in_one_block_are_kept_apart() -> None:
    text = (
        "// @gxp-spec SPEC-001\n// @gxp-risk HIGH\n// @trace US-001\n"
        "// @gxp-spec SPEC-002\n// @gxp-risk LOW\n// @trace US-002"
    )
    rows = [row for row in read(text) if row.tag == "gxp-spec"]
    assert [(row.artifact_id, row.risk, row.traces) for row in rows] == [
        ("SPEC-001", "HIGH", ("US-001",)),
        ("SPEC-002", "LOW", ("US-002",)),
    ]


def test_ids_that_follow_each_other_share_what_is_said_after_or_before_them() -> None:
    after = read("// @gxp-spec SPEC-001\n// @gxp-spec SPEC-002\n// @gxp-risk HIGH")
    before = read("// @gxp-risk HIGH\n// @gxp-spec SPEC-001\n// @gxp-spec SPEC-002")
    assert [row.risk for row in (*after, *before)] == ["HIGH"] * 4


def test_a_second_id_of_which_nothing_is_said_does_not_inherit() -> None:
    rows = read("// @gxp-spec SPEC-001\n// @gxp-risk HIGH\n// @gxp-spec SPEC-002")
    assert [(row.artifact_id, row.risk) for row in rows] == [("SPEC-001", "HIGH"), ("SPEC-002", None)]


def test_the_same_id_twice_has_two_rows() -> None:
    rows = read("// @gxp-spec SPEC-001\n// @gxp-spec SPEC-001")
    assert [(row.artifact_id, row.line) for row in rows] == [("SPEC-001", 10), ("SPEC-001", 11)]


def test_several_tags_may_share_a_line() -> None:
    rows = read("// @gxp-spec SPEC-001 @trace US-001 @gxp-risk HIGH")
    assert [(row.artifact_id, row.risk) for row in rows] == [("SPEC-001", "HIGH"), ("US-001", "HIGH")]


@pytest.mark.parametrize(
    "text",
    [
        "// mail me at someone@gxp-spec SPEC-001",
        "// `@gxp-spec SPEC-001` is how a tag is written",
        '// write "@gxp-spec SPEC-001" there',
        "// @description of the function\n// @requires nothing",
        "// @trace the calls",
        "// see packages/@gxp-spec SPEC-001",
    ],
)
def test_words_that_look_like_tags_are_none(text: str) -> None:
    assert read(text) == []
    assert wrong(text) == []


def test_a_tag_without_an_id_and_an_unknown_tag_are_found() -> None:
    assert wrong("// @gxp-spec spec-001 in lower case\n// @gxp-speck SPEC-001") == [
        ("annotation-id-missing", 10),
        ("annotation-tag-unknown", 11),
    ]
    _, findings = read_block(Block("# @gxp-speck SPEC-001", 1), "a.py")
    assert "Is @gxp-spec meant?" in findings[0].message


@given(st.text(st.sampled_from('@gxp-spec riskACE01,:{}"\n*/# '), max_size=120))
def test_any_comment_gives_rows_of_known_dialects_within_its_lines(text: str) -> None:
    rows = read(text)
    assert {row.dialect for row in rows} <= set(ANNOTATION_DIALECTS)
    assert all(10 <= row.line <= 10 + text.count("\n") for row in rows)


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({}, "draft-03 (3)"),
        ({"src/a.py": "# @gxp-tag SPEC-001-001\n"}, "draft-03 (3), draft-02 (1)"),
        ({".gxp/specs/SPEC-001-001-card-terminal.md": V3_SPEC}, "draft-03 (3), gxp.md-3 (1)"),
        ({".gxp/risk_assessment.log": DRAFT_02_LOG}, "draft-03 (2), draft-02 (1)"),
    ],
    ids=["one", "tags", "keys", "risk log"],
)
def test_a_scan_tells_which_dialects_it_saw(repo, scan, files, seen):
    repo.commit(files)

    scanned = scan(repo.path)

    assert scanned.reports[-1].message.endswith(f"; dialects seen: {seen}")
    assert scanned.outcome.dialects == tuple(one.split()[0] for one in seen.split(", "))
