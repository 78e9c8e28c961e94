"""A record of testing is evidence where the risk is not high, and what is wrong with one is told.

@gxp-spec SPEC-004-005 "Evidence"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

RECORD = """---
spec_id: SPEC-001-001
tester: ada
test_date: 2026-01-02
test_type: unscripted
result: PASS
summary: Paid once by card.
---
"""
RECORDED = ".gxp/evidence/ROT-SPEC-001-001.md"
SIGNED = ".gxp/evidence/EV-SPEC-001-001.jws"


def test_a_record_of_testing_is_evidence_where_the_risk_is_not_high(repo, scan):
    repo.commit({RECORDED: RECORD, SIGNED: None})
    outcome = scan(repo.path).outcome

    assert outcome.findings == ()
    (row,) = outcome.evidence
    assert (row.evidence_id, row.kind, row.spec_id, row.tier) == (
        "ROT-SPEC-001-001",
        "evidence_record",
        "SPEC-001-001",
        "OQ",
    )
    assert (row.signature, row.signer, row.passed, row.failed, row.intact) == ("unsigned", "ada", 1, 0, True)
    assert row.time is not None
    assert row.time.date().isoformat() == "2026-01-02"


def test_a_record_of_testing_is_not_enough_where_the_risk_is_high(repo, good_record, scan):
    file = ".gxp/requirements/REQ-001-pay.md"
    repo.commit({RECORDED: RECORD, file: good_record[file].replace("LOW", "HIGH")})
    scanned = scan(repo.path)

    assert [finding.level for finding in scanned.findings("evidence-unsigned")] == ["error"]
    assert [row.intact for row in scanned.outcome.evidence if row.kind == "evidence_record"] == [False]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("result: PASS", "result: FAIL", "evidence-tests-failed"),
        ("result: PASS", "result: fine", "evidence-value-unknown"),
        ("unscripted", "quick", "evidence-value-unknown"),
        ("2026-01-02", "yesterday", "evidence-value-unknown"),
        ("tester: ada\n", "", "evidence-field-missing"),
        ("result: PASS\n", "", "evidence-field-missing"),
        ("spec_id: SPEC-001-001", "spec_id: SPEC-404-001", "evidence-spec-differs"),
        ("---\nspec_id", "spec_id", "evidence-malformed"),
        ("tester: ada", "tester: [", "evidence-malformed"),
        ("ada", "\udcff", "evidence-malformed"),
    ],
)
def test_what_is_wrong_with_a_record_of_testing_is_told(repo, scan, old, new, rule):
    repo.commit({RECORDED: RECORD.replace(old, new).encode("utf-8", "surrogateescape")})

    assert rule in scan(repo.path).rules


def test_a_record_that_passed_with_deviations_passed(repo, scan):
    repo.commit({RECORDED: RECORD.replace("PASS", "PASS_WITH_DEVIATIONS")})

    assert [row.passed for row in scan(repo.path).outcome.evidence if row.kind == "evidence_record"] == [1]
    assert scan(repo.path).outcome.findings == ()
