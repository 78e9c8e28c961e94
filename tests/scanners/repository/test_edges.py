"""Records whose edges are explicit (GxP.MD 3), or whose annotations come before any document, are judged as they mean.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

from tests.scanners.repository import signing

REQ = """---
gxp_id: {}
title: Pay
risk_level: {}
acceptance_criteria: [x]
satisfies: [{}]
validation_status: APPROVED
---
"""
STORY = (
    "---\ngxp_id: US-042\ntitle: Card\nsatisfies: [{}]\nacceptance_criteria: [x]\n---\nAs a b, I want c so that d.\n"
)
SPEC = "---\ngxp_id: SPEC-137\ntitle: T\n{}\nverification_tier: OQ\ntest_files: [tests]\n---\n"
TEST = "# @gxp-verifies {}\n# @test-type OQ\n# @gxp-risk LOW\n"
LOG = "## RISK-00{0}: Wrong amount\n\n- Component: REQ-00{0}\n- Risk Level: {1}\n- Status: open\n\n"


@pytest.fixture
def explicit(empty_repo, good_record):
    """A record as GxP.MD 3 writes it: one spec for two requirements, by way of one story and directly."""
    empty_repo.commit(
        {
            **{name: text for name, text in good_record.items() if "-001" not in name or "/adr/" in name},
            ".gxp/risk_assessment.log": LOG.format(1, "LOW") + LOG.format(2, "LOW"),
            ".gxp/requirements/REQ-001-pay.md": REQ.format("REQ-001", "LOW", ""),
            ".gxp/requirements/REQ-002-log.md": REQ.format("REQ-002", "LOW", ""),
            ".gxp/user_stories/US-042-card.md": STORY.format("REQ-001"),
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("implements: [US-042]\nsatisfies: [REQ-002]"),
            ".gxp/evidence/EV-SPEC-137.jws": signing.signed(signing.result(spec_id="SPEC-137")),
            "tests/test_card.py": TEST.format("SPEC-137"),
        }
    )
    return empty_repo


def important(scanned):
    return {finding.rule for finding in scanned.outcome.findings if finding.level != "info"}


def test_one_spec_may_serve_many_requirements(explicit, scan):
    assert important(scan(explicit.path)) == set()


def test_a_requirement_may_be_satisfied_by_a_spec_without_a_story(explicit, scan):
    explicit.commit(
        {
            ".gxp/user_stories/US-042-card.md": None,
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("satisfies: [REQ-001, REQ-002]"),
        }
    )
    scanned = scan(explicit.path)

    assert important(scanned) == set()
    assert [one.parent_id for one in scanned.outcome.artifacts if one.kind == "spec"] == ["REQ-001"]


@pytest.mark.parametrize(
    ("satisfies", "rule"), [("REQ-404", "parent-missing"), ("US-042", "parent-level"), ("SPEC-137", "parent-level")]
)
def test_what_is_satisfied_has_to_be_a_requirement(explicit, scan, satisfies, rule):
    explicit.commit({".gxp/specs/SPEC-137-terminal.md": SPEC.format(f"implements: [US-042]\nsatisfies: [{satisfies}]")})

    found = scan(explicit.path).findings(rule)

    assert [(one.artifact_id, one.line) for one in found] == [("SPEC-137", 5)]


def test_requirements_may_satisfy_requirements(explicit, scan):
    explicit.commit({".gxp/requirements/REQ-002-log.md": REQ.format("REQ-002", "LOW", "REQ-001")})
    assert important(scan(explicit.path)) == set()

    explicit.commit({".gxp/requirements/REQ-002-log.md": REQ.format("REQ-002", "LOW", "REQ-009")})
    assert important(scan(explicit.path)) == {"parent-missing"}


@pytest.mark.parametrize(("risk", "level"), [("LOW", "warning"), ("HIGH", "error")])
def test_a_requirement_from_which_no_test_is_reached_is_not_covered(explicit, scan, risk, level):
    explicit.commit(
        {
            ".gxp/requirements/REQ-002-log.md": REQ.format("REQ-002", risk, ""),
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("implements: [US-042]"),
            "src/log.py": "# @gxp-satisfies REQ-002\n",
        }
    )
    scanned = scan(explicit.path)

    found = scanned.findings("requirement-uncovered")
    assert [(one.artifact_id, one.level) for one in found] == [("REQ-002", level)]
    assert scanned.findings("requirement-without-story") == [], "sources serve it"


@pytest.mark.parametrize(
    "test",
    [
        {"tests/test_log.py": "# @gxp-verifies IMPL-1\n# @test-type OQ\n# @gxp-risk LOW\n"},
        {"lib/check.py": "# @gxp-verifies IMPL-1\n"},
        {"lib/check.py": "# @gxp-id: TEST-1\n# @gxp-phase: TEST\n# @gxp-depends-on IMPL-1\n"},
    ],
)
def test_a_test_is_reached_over_any_edges_in_either_direction(explicit, scan, test):
    explicit.commit(
        {
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("implements: [US-042]"),
            "src/log.py": "# @gxp-id: IMPL-1\n# @gxp-satisfies REQ-002\n",
        }
    )
    assert len(scan(explicit.path).findings("requirement-uncovered")) == 1

    explicit.commit(test)
    scanned = scan(explicit.path)

    assert scanned.findings("requirement-uncovered") == []
    assert {one.dialect for one in scanned.outcome.annotations} == {"gxp.md-3"}


def test_two_blocks_of_a_file_are_two_things(explicit, scan):
    explicit.commit(
        {
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("implements: [US-042]"),
            "src/log.py": "# @gxp-satisfies REQ-002\nA = 1\n# @gxp-satisfies REQ-001\n",
        }
    )

    assert len(scan(explicit.path).findings("requirement-uncovered")) == 1


def test_evidence_of_a_passed_test_covers_and_of_a_failed_one_does_not(explicit, scan):
    explicit.commit({"tests/test_card.py": "A = 1\n"})
    assert scan(explicit.path).findings("requirement-uncovered") == []

    failed = signing.result(spec_id="SPEC-137", test_results={"passed": 1, "failed": 1})
    explicit.commit({".gxp/evidence/EV-SPEC-137.jws": signing.signed(failed)})
    assert len(scan(explicit.path).findings("requirement-uncovered")) == 2


def test_what_is_out_of_use_needs_no_test(explicit, scan):
    retired = REQ.format("REQ-002", "LOW", "").replace("APPROVED", "DEPRECATED")
    explicit.commit(
        {
            ".gxp/requirements/REQ-002-log.md": retired,
            ".gxp/specs/SPEC-137-terminal.md": SPEC.format("implements: [US-042]"),
        }
    )

    assert scan(explicit.path).findings("requirement-uncovered") == []


def test_evidence_of_a_spec_counts_for_all_its_requirements(explicit, scan):
    explicit.commit({".gxp/requirements/REQ-002-log.md": REQ.format("REQ-002", "HIGH", "")})

    assert [one.artifact_id for one in scan(explicit.path).findings("evidence-tiers-missing")] == ["REQ-002"]


def test_a_record_without_explicit_edges_is_not_asked_for_reachable_tests(repo, scan):
    repo.commit({".gxp/evidence/EV-SPEC-001-001.jws": None})

    assert scan(repo.path).findings("requirement-uncovered") == []


def test_where_annotations_come_first_they_are_the_stories_and_specs(empty_repo, good_record, scan):
    record = {name: text for name, text in good_record.items() if not name.startswith((".gxp/specs", ".gxp/user"))}
    source = (
        '# @gxp-req REQ-001\n# @gxp-story US-001-001 "Card"\n# @gxp-spec SPEC-001-001 "Terminal"\n# @gxp-risk LOW\n'
    )
    empty_repo.commit({**record, "src/card.py": source})

    outcome = scan(empty_repo.path).outcome
    assert outcome.findings == ()
    rows = [(one.kind, one.artifact_id, one.title, one.parent_id, one.risk) for one in outcome.artifacts]
    assert ("user_story", "US-001-001", "Card", "REQ-001", "LOW") in rows
    assert ("spec", "SPEC-001-001", "Terminal", "US-001-001", "LOW") in rows
    assert [(one.file, one.line) for one in outcome.artifacts if one.kind == "spec"] == [("src/card.py", 3)]

    empty_repo.commit({"src/card.py": "CARD = 1\n"})
    assert scan(empty_repo.path).rules == {"requirement-without-story", "evidence-spec-unknown"}


def test_a_spec_document_may_belong_to_a_story_that_a_tag_declares(empty_repo, good_record, scan):
    record = {name: text for name, text in good_record.items() if "/user_stories/" not in name}
    empty_repo.commit({**record, "src/card.py": '# @gxp-story US-001-001 "Pay by card"\n'})

    assert scan(empty_repo.path).outcome.findings == ()


@pytest.mark.parametrize(
    ("source", "parents"),
    [
        ('# @gxp-spec SPEC-001-001 "T"\n', {"SPEC-001-001": "REQ-001"}),
        ('# @gxp-spec SPEC-009-001 "T"\n# @gxp-req REQ-001\n', {"SPEC-009-001": "REQ-001"}),
        (
            '# @gxp-story US-001-001 "S"\n\nA = 1\n# @gxp-spec SPEC-001-002 "T"\n',
            {"US-001-001": "REQ-001", "SPEC-001-002": "US-001-001"},
        ),
        ("# @gxp-id: SPEC-137\n# @gxp-satisfies REQ-001\n", {"SPEC-137": "REQ-001"}),
        ('# @gxp-spec SPEC-009-001 "T"\n', {"SPEC-009-001": None}),
    ],
)
def test_what_a_declared_spec_belongs_to_is_said_beside_it_or_by_its_number(
    empty_repo, good_record, scan, source, parents
):
    record = {name: text for name, text in good_record.items() if not name.startswith((".gxp/specs", ".gxp/user"))}
    empty_repo.commit({**record, "src/card.py": source})

    scanned = scan(empty_repo.path)

    declared = [one for one in scanned.outcome.artifacts if one.file == "src/card.py"]
    assert {one.artifact_id: one.parent_id for one in declared} == parents
    assert bool(scanned.findings("requirement-without-story")) == (None in parents.values())


def test_where_there_are_documents_of_a_kind_a_tag_declares_none_of_it(repo, scan):
    repo.commit({"src/card.py": '# @gxp-spec SPEC-001-009 "T"\n# @gxp-risk LOW\n'})
    scanned = scan(repo.path)

    assert scanned.rules == {"annotation-unresolved"}
    assert "SPEC-001-009" not in {one.artifact_id for one in scanned.outcome.artifacts}
