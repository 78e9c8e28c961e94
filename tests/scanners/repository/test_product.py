"""The older record of ROSIE 1.1 is read into the same tables, and judged by its own rules.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import Finding
from scanwatch.scanners.repository.circles import circle_message, circles
from scanwatch.scanners.repository.discover import Source
from scanwatch.scanners.repository.product.execution import read_execution
from scanwatch.scanners.repository.product.manifest import read_manifest
from scanwatch.scanners.repository.product.nodes import read_nodes

MANIFEST = """---
product_name: Payments
version: 2.1.0
product_code: PAY
id_schema: "URS | FRS | DS | TC"
sync:
  mode: repo-first
  system_of_record_id: qms
composition:
  - {repo: example.org/shared, product_code: AUTH, version: 1.0.0, rrt_required: true}
gxp_metadata:
  gamp_category: 5
  risk_impact: High
---
# Payments
"""
NEED = """# Needs

## [PAY-URS-101] Pay by card

---

sor_id: "urs:1"
status: Approved
risk_level: High

---

The system takes a card.
"""
FUNCTION = (
    "---\ngxp_id: PAY-FRS-201\ntype: FRS\ntitle: Terminal\nrisk: Medium\ntraces:\n  - PAY-URS-101\n  - PAY-DS-1\n---\n"
)
CIRCLE = "traces: [PAY-URS-102]\n---\n## [PAY-URS-102] B\n---\ntraces: [PAY-URS-101]\nx:"
SOURCE = "// @gxp-id: PAY-DS-1\n// @gxp-type: DS\n// @gxp-title: Terminal\n// @gxp-traces: PAY-FRS-201, AUTH-FRS-7\n"
TEST = "// @gxp-id: PAY-OQ-1\n// @gxp-traces: PAY-DS-1\n"
EXECUTION = {
    "execution_id": "e-1",
    "timestamp": "2026-02-01T10:00:00Z",
    "commit_sha": "abc1234",
    "environment": {"os": "linux"},
    "results": [{"gxp_id": "PAY-OQ-1", "status": "PASS", "duration_ms": 1}],
}
GOOD = {
    "gxp-product.md": MANIFEST,
    "specs/needs.md": NEED,
    "docs/frs/frs-201.md": FUNCTION,
    "docs/guide.md": "# A guide without any of it\n\n---\nnot: yaml: at all\n",
    "src/terminal.ts": SOURCE,
    "tests/unit/terminal.spec.ts": TEST,
    "gxp-execution.json": json.dumps(EXECUTION),
}


@pytest.fixture
def product(empty_repo):
    empty_repo.commit(GOOD)
    return empty_repo


def test_an_older_record_fills_the_same_tables(product, scan):
    scanned = scan(product.path)

    outcome = scanned.outcome
    assert [(one.kind, one.artifact_id, one.parent_id, one.file, one.line) for one in outcome.artifacts] == [
        ("system_context", "PAY", None, "gxp-product.md", 4),
        ("user_story", "PAY-FRS-201", "PAY-URS-101", "docs/frs/frs-201.md", 2),
        ("requirement", "PAY-URS-101", None, "specs/needs.md", 3),
        ("spec", "PAY-DS-1", "PAY-FRS-201", "src/terminal.ts", 1),
        ("evidence_record", "PAY-OQ-1", "PAY-DS-1", "gxp-execution.json", None),
    ]
    requirement = outcome.artifacts[2]
    assert (requirement.title, requirement.risk, requirement.status) == ("Pay by card", "High", "Approved")
    (row,) = outcome.evidence
    assert (row.spec_id, row.tier, row.signature, row.passed, row.failed, row.commit) == (
        *("PAY-DS-1", "OQ", "unsigned", 1, 0, "abc1234"),
    )
    assert scanned.reports[-1].message.endswith("dialects seen: rosie-1.1 (8)")


def test_a_good_older_record_has_no_finding_but_ids_of_other_products(product, scan):
    found = scan(product.path).outcome.findings

    assert [(one.rule, one.artifact_id) for one in found] == [("annotation-unresolved", "AUTH-FRS-7")]


def test_a_type_that_is_not_written_is_that_of_the_path(product, scan):
    product.commit(
        {
            "tests/e2e/all.spec.ts": TEST.replace("OQ-1", "PQ-2"),
            "main.tf": TEST.replace("//", "#").replace("OQ-1", "IQ-3"),
        }
    )

    types = {one.artifact_id: one.test_type for one in scan(product.path).outcome.annotations if one.tag == "gxp-id"}

    assert types == {"PAY-DS-1": "DS", "PAY-OQ-1": "OQ", "PAY-PQ-2": "PQ", "PAY-IQ-3": "IQ"}


@pytest.mark.parametrize(
    ("file", "old", "new", "rule", "line"),
    [
        ("gxp-product.md", "product_name: Payments\n", "", "manifest-schema", 1),
        ("gxp-product.md", "  system_of_record_id: qms\n", "", "manifest-schema", 1),
        ("gxp-product.md", "repo-first", "any", "manifest-schema", 7),
        ("gxp-product.md", "gamp_category: 5", "gamp_category: 9", "manifest-schema", 12),
        ("gxp-product.md", "product_code: PAY", "product_code: pay", "manifest-schema", 4),
        ("gxp-product.md", "---\nproduct_name", "product_name", "manifest-schema", 1),
        ("gxp-product.md", "2.1.0", "2.1", "manifest-version", 3),
        ("gxp-product.md", "product_code: AUTH, ", "", "manifest-schema", 10),
        ("gxp-product.md", ", version: 1.0.0", "", "manifest-schema", 10),
        ("gxp-product.md", "version: 1.0.0", "version: any", "manifest-version", 10),
        (
            "gxp-product.md",
            "- {repo: example.org/shared, product_code: AUTH, version: 1.0.0, rrt_required: true}",
            "- auth",
            "manifest-schema",
            10,
        ),
        ("gxp-product.md", "product_code: PAY", "product_code: PAX", "id-pattern", 3),
        ("specs/needs.md", "[PAY-URS-101]", "[pay-URS-101]", "node-schema", 3),
        ("specs/needs.md", "\n---\n\nThe", "\nThe", "node-schema", 3),
        ("specs/needs.md", "status: Approved", "status: [", "node-schema", 10),
        ("specs/needs.md", "[PAY-URS-101]", "[PAY-FRS-201]", "id-duplicate", 3),
        ("docs/frs/frs-201.md", "PAY-URS-101", "PAY-URS-404", "trace-unresolved", 7),
        ("docs/frs/frs-201.md", "  - PAY-URS-101\n", "", "trace-orphan", 3),
        ("src/terminal.ts", SOURCE, "// @gxp-id: PAY-DS-2\n// @gxp-traces: PAY-OQ-1\n", "trace-requirement-missing", 1),
        ("tests/unit/terminal.spec.ts", "// @gxp-traces: PAY-DS-1\n", "", "test-orphan", 1),
        (
            "specs/needs.md",
            "sor_id:",
            "traces: [PAY-URS-102]\n---\n## [PAY-URS-102] B\n---\ntraces: [PAY-URS-101]\nx:",
            "trace-circular",
            3,
        ),
        ("gxp-execution.json", '"results"', '"result"', "execution-schema", None),
        ("gxp-execution.json", '"PASS"', '"GOOD"', "execution-schema", None),
        ("gxp-execution.json", '"execution_id": "e-1", ', "", "execution-schema", None),
        ("gxp-execution.json", "2026-02-01T10:00:00Z", "today", "execution-schema", None),
        ("gxp-execution.json", '"PASS"', '"FAIL"', "evidence-tests-failed", None),
        ("gxp-execution.json", "PAY-OQ-1", "PAY-OQ-9", "trace-unresolved", None),
    ],
)
def test_what_is_wrong_with_an_older_record_is_found_at_its_place(product, scan, file, old, new, rule, line):
    assert old in GOOD[file]
    product.commit({file: GOOD[file].replace(old, new)})

    assert line in {one.line for one in scan(product.path).findings(rule)}


def test_a_part_may_be_of_a_range_of_versions(product, scan):
    product.commit({"gxp-product.md": MANIFEST.replace("version: 1.0.0", "version_constraint: '>=1.0'")})

    assert scan(product.path).rules == {"annotation-unresolved"}


def test_both_records_may_be_in_one_repository(repo, scan):
    repo.commit(GOOD)
    outcome = scan(repo.path).outcome

    assert {one.rule for one in outcome.findings} == {"annotation-unresolved"}
    assert {"REQ-001", "PAY-URS-101"} <= {one.artifact_id for one in outcome.artifacts}


def test_documents_of_a_repository_without_the_manifest_are_left_alone(repo, scan):
    repo.commit({name: text for name, text in GOOD.items() if name.startswith(("specs", "docs"))})

    assert scan(repo.path).outcome.findings == ()


def test_an_unchanged_older_record_is_not_read_again(product, scan):
    first = scan(product.path).outcome

    again = scan(product.path)
    assert again.outcome == first == scan(product.path, incremental=False).outcome
    assert "0 changed" in again.reports[-1].message


PIECES = st.lists(st.sampled_from(["## [PAY-URS-1] T\n", "---\n", "a: b\n", "traces: [", "\n"]))


@given(st.binary(max_size=200) | PIECES.map(lambda pieces: "".join(pieces).encode()))
def test_any_bytes_are_an_older_record(raw):
    nodes = read_nodes(Source("specs/a.md", "product_document", "0"), raw)
    product, wrong = read_manifest(b"---\n" + raw + b"\n---\n")
    rows, failures = read_execution(raw)

    found = [*nodes.findings, *wrong, *failures]
    assert all(isinstance(one, Finding) and one.message.isprintable() for one in found)
    assert all(1 <= one.line <= raw.count(b"\n") + 3 for one in nodes.documents)
    assert product.artifact().artifact_id
    assert rows == []


@given(st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefgh"), max_size=3)))
def test_circles_are_found_if_there_are_any_and_are_some(above):
    found = list(circles(above))

    for circle in found:
        assert all(after in above[before] for before, after in zip(circle, [*circle[1:], circle[0]], strict=True))
    reached = {node: set(above[node]) for node in above}
    for _ in above:
        for node in reached:
            reached[node] |= {further for one in reached[node] for further in reached.get(one, ())}
    assert bool(found) == any(node in reached[node] for node in above)


def test_a_circle_of_any_length_is_found_and_told_in_a_line():
    ids = [f"REQ-{number}" for number in range(100_000)]
    (circle,) = circles({one: [after] for one, after in zip(ids, [*ids[1:], ids[0]], strict=True)})

    assert len(circle) == 100_000
    assert circle_message(circle).count(",") == 21
