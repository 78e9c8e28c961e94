"""Each rule says what is broken, where, and what to do; and says nothing where nothing is.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest

from scanwatch.model import FINDING_LEVELS
from scanwatch.scanners.repository.record import Paths
from scanwatch.scanners.repository.rules import RULES, Rule
from scanwatch.scanners.repository.rules import annotations as annotation_rules
from scanwatch.scanners.repository.rules import configuration as configuration_rules
from scanwatch.scanners.repository.rules import evidence as evidence_rules
from scanwatch.scanners.repository.rules import product as product_rules
from tests.scanners.repository import signing

CONTEXT = ".gxp/system_context.md"
REQ = ".gxp/requirements/REQ-001-pay.md"
STORY = ".gxp/user_stories/US-001-001-pay-by-card.md"
SPEC = ".gxp/specs/SPEC-001-001-card-terminal.md"
ADR = ".gxp/adr/ADR-001-one-terminal.md"
LOG = ".gxp/risk_assessment.log"
VENDOR = ".gxp/vendor_assessments/VA-001-cloud.md"

REQ_2 = "---\ngxp_id: REQ-002\ntitle: Refund\ngxp_risk_rating: LOW\nacceptance_criteria: [x]\n---\n"
DRAFT_02_LINE = (
    "[2026-01-02] RISK-001 | REQ-001 | Risk: {level} | Impact: Loss | Mitigation: Care | Test Coverage: {spec}\n"
)

CASES = [
    # a file, what of it is replaced by what (None: the whole file), then the rule, the level and the line
    (CONTEXT, None, None, "system-context-missing", "error", None),
    (CONTEXT, "intended_use: Takes payments.\n", "", "system-context-key-missing", "error", 2),
    (CONTEXT, "3f2b8c1e-7a54", "payments", "system-context-id", "error", 2),
    (CONTEXT, "1.4.0", "1.4", "system-context-version", "error", 4),
    (CONTEXT, "HIGH", "SEVERE", "system-context-risk", "error", 5),
    (CONTEXT, "draft", "finished", "status-unknown", "warning", 6),
    (CONTEXT, "draft", "VALIDATED", "status-older-draft", "info", 6),
    (REQ, None, "# Pay\n", "front-matter-missing", "error", 1),
    (REQ, None, "---\ngxp_id: REQ-001\n", "front-matter-unterminated", "error", 1),
    (REQ, "title: Pay", "title: Pay: now", "front-matter-invalid", "error", 3),
    (REQ, "title: Pay", "title: Pay\ntitle: Paid", "front-matter-duplicate-key", "warning", 4),
    (REQ, "gxp_id: REQ-001\n", "", "id-missing", "error", 1),
    (REQ, "title: Pay\n", "", "title-missing", "warning", 2),
    (REQ, "gxp_risk_rating: LOW", "gxp_risk_rating: ", "risk-unknown", "warning", 2),
    (REQ, "gxp_risk_rating: LOW", "gxp_risk_rating: SOME", "risk-unknown", "warning", 4),
    (REQ, "acceptance_criteria:\n  - Money arrives.\n", "", "acceptance-criteria-missing", "warning", 2),
    (REQ, None, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "file-elsewhere", "error", 1),
    (REQ, "Money", b"Mon\xe9y", "text-encoding", "error", 6),
    (REQ, "Money", "Mo\x1bney", "text-control-characters", "warning", 6),
    (REQ, "---\ngxp_id", "\ufeff---\ngxp_id", "text-byte-order-mark", "warning", 1),
    (REQ, "gxp_risk_rating: LOW", "gxp_risk_rating: HIGH", "risk-level-differs", "warning", 1),
    (STORY, None, None, "requirement-without-story", "error", 2),
    (STORY, "parent_id: REQ-001", "parent_id: REQ-009", "parent-missing", "error", 4),
    (STORY, "parent_id: REQ-001", "parent_id: SPEC-001-001", "parent-level", "error", 4),
    (STORY, "parent_id: REQ-001\n", "", "parent-implied", "info", 2),
    (STORY, "so that", "and", "story-incomplete", "info", 2),
    (STORY, "US-001-001", "US-1", "id-pattern", "warning", 2),
    (SPEC, None, None, "story-without-spec", "warning", 2),
    (SPEC, "parent_id: US-001-001", "parent_id: REQ-001", "parent-level", "error", 4),
    (SPEC, "gxp_id: SPEC-001-001", "gxp_id: SPEC-002-001", "parent-numbering", "warning", 4),
    (SPEC, "OQ", "unit", "tier-unknown", "warning", 5),
    (SPEC, "test_files:\n  - tests\n", "", "spec-without-tests", "warning", 2),
    (SPEC, "src/card.py", "src/cart.py", "named-file-missing", "warning", 7),
    (SPEC, "gxp_id: SPEC-001-001", "gxp_id: REQ-001", "id-duplicate", "error", 2),
    (ADR, None, None, "adr-missing", "warning", None),
    (ADR, "## Decision\n", "", "adr-section-missing", "warning", 1),
    (ADR, "Accepted", "Perhaps", "adr-status", "warning", 5),
    (LOG, None, None, "risk-log-missing", "warning", None),
    (LOG, "Component: REQ-001", "Component: Terminal", "risk-entry-missing", "warning", 2),
    (LOG, "Component: REQ-001", "Component: REQ-001, REQ-404", "risk-reference-unknown", "warning", 1),
    (LOG, "Status: open", "Status: pending", "risk-status", "warning", 1),
    (LOG, "## RISK-001:", "## RISK001", "risk-entry-malformed", "warning", 1),
    (LOG, None, DRAFT_02_LINE.format(level="HIGH", spec="SPEC-404"), "risk-reference-unknown", "warning", 1),
    (LOG, None, DRAFT_02_LINE.format(level="MEDIUM", spec="SPEC-001-001"), "risk-level-differs", "warning", 1),
    (VENDOR, None, "---\nproduct: C\nexpiry_date: 2020-01-31\n---\n", "vendor-expired", "warning", 3),
    (VENDOR, None, "---\nproduct: C\nexpiry_date: soon\n---\n", "vendor-expiry-unknown", "warning", 3),
    (".gxp/notes.txt", None, "?\n", "file-unrecognised", "info", None),
    (".gxp/specs/SPEC-001-002-big.md", None, "x" * (1024 * 1024 + 1), "file-too-large", "error", None),
    (".gxp/specs/SPEC-001-002-\u202egpj.md", None, "---\n---\n", "file-name-unclear", "warning", None),
]


def _changed(record: dict[str, str], file: str, old: str | None, new: str | bytes | None) -> str | bytes | None:
    if old is None:
        return new
    assert old in record[file]
    replacement = new if isinstance(new, bytes) else new.encode()
    return record[file].encode().replace(old.encode(), replacement, 1)


@pytest.mark.parametrize(("file", "old", "new", "rule", "level", "line"), CASES)
def test_a_broken_demand_is_found_at_its_place(repo, good_record, scan, file, old, new, rule, level, line):
    repo.commit({file: _changed(good_record, file, old, new)})

    found = scan(repo.path).findings(rule)

    assert [(finding.level, finding.line) for finding in found] == [(level, line)]
    assert found[0].message
    assert found[0].remedy


def test_every_rule_that_can_be_seen_in_one_file_has_a_case_above():
    elsewhere = {"file-not-regular", "findings-omitted", "requirement-uncovered", "trace-circular"}
    rooms = (annotation_rules, evidence_rules, configuration_rules, product_rules)
    others = {rule.id for room in rooms for rule in vars(room).values() if isinstance(rule, Rule)}

    assert {rule.id for rule in RULES} - {case[3] for case in CASES} == elsewhere | others


def test_rules_have_one_id_each_in_kebab_case_and_say_why_and_what_to_do():
    assert [name for name, count in Counter(rule.id for rule in RULES).items() if count > 1] == []
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
        assert rule.level in FINDING_LEVELS
        assert rule.sentence.endswith(".")
        assert rule.why.endswith(".")
        assert rule.remedy.endswith(".")
        assert len({rule.sentence, rule.why, rule.remedy}) == 3


def test_a_document_that_cannot_be_read_does_not_orphan_its_children(repo, good_record, scan):
    repo.commit({REQ: "---\ntitle: [\n---\n"})

    scanned = scan(repo.path)

    assert scanned.rules == {"front-matter-invalid"}
    assert "REQ-001" in {artifact.artifact_id for artifact in scanned.outcome.artifacts}


def test_keys_are_known_under_each_of_their_names(repo, scan):
    repo.commit(
        {
            REQ: "---\nid: REQ-001\ntitle: Pay\ngxpRiskRating: LOW\nacceptanceCriteria: [x]\n---\n",
            STORY: "---\nid: US-001-001\ntitle: Card\nrequirement: REQ-001\nacceptance_criteria: [x]\nasA: a\n"
            "iWant: b\nsoThat: c\n---\n",
            SPEC: "---\nid: SPEC-001-001\ntitle: T\nuser_story: US-001-001\ntier: OQ\ntestFiles: [tests]\n---\n",
        }
    )

    assert scan(repo.path).outcome.findings == ()


def test_opaque_ids_with_explicit_edges_are_accepted(repo, scan):
    repo.commit(
        {
            REQ: "---\ngxp_id: REQ-001\ntitle: Pay\nrisk_level: LOW\nacceptance_criteria: [x]\n---\n",
            STORY: "---\ngxp_id: US-042\ntitle: Card\nsatisfies: [REQ-001]\nacceptance_criteria: [x]\n---\n"
            "**As a** b,\n**I want to** pay,\n**So that** it works.\n",
            SPEC: "---\ngxp_id: SPEC-007\ntitle: T\nimplements: [US-042]\ntier: OQ\ntest_files: [tests]\n---\n",
            ".gxp/evidence/EV-SPEC-001-001.jws": None,
            ".gxp/evidence/EV-SPEC-007.jws": signing.signed(signing.result(spec_id="SPEC-007")),
        }
    )

    scanned = scan(repo.path)

    assert scanned.outcome.findings == ()
    assert {artifact.parent_id for artifact in scanned.outcome.artifacts if artifact.kind == "spec"} == {"US-042"}


def test_an_id_from_a_file_name_is_the_whole_id(repo, scan):
    repo.commit({".gxp/user_stories/US-001-002-refund.md": "---\ntitle: Refund\nacceptance_criteria: [x]\n---\n"})

    assert "US-001-002" in {artifact.artifact_id for artifact in scan(repo.path).outcome.artifacts}


def test_the_last_entry_of_the_risk_log_counts(repo, good_record, scan):
    older = good_record[LOG].replace("RISK-001", "RISK-002").replace("LOW", "HIGH")
    repo.commit({LOG: older + "\n" + good_record[LOG]})

    assert scan(repo.path).outcome.findings == ()


def test_a_requirement_without_story_and_risk_entry_is_told_both(repo, scan):
    repo.commit({".gxp/requirements/REQ-002-refund.md": REQ_2})

    assert scan(repo.path).rules == {"requirement-without-story", "risk-entry-missing"}


@pytest.mark.parametrize(
    "named", ["src/*.py", "src/**/*.py", "**/card.py", "src/c?rd.py", "src", "src/", "./src/card.py"]
)
def test_a_named_file_may_be_a_folder_or_a_pattern(repo, good_record, scan, named):
    repo.commit({SPEC: good_record[SPEC].replace("src/card.py", f"'{named}'")})

    assert scan(repo.path).outcome.findings == ()


def test_a_retired_requirement_needs_no_story(repo, good_record, scan):
    retired = REQ_2.replace("---\ngxp_id", "---\nvalidation_status: retired\ngxp_id")
    log = good_record[LOG] + good_record[LOG].replace("-001", "-002")
    repo.commit({".gxp/requirements/REQ-002-refund.md": retired, LOG: log})

    assert scan(repo.path).outcome.findings == ()


@pytest.mark.parametrize("named", ["src/*.ts", "lib/**", "[", "card.py", "/src/card.py", "../src/card.py"])
def test_a_pattern_that_matches_nothing_is_a_missing_file(repo, good_record, scan, named):
    repo.commit({SPEC: good_record[SPEC].replace("src/card.py", f"'{named}'")})

    assert scan(repo.path).rules == {"named-file-missing"}


def test_no_pattern_makes_a_scan_slow():
    paths = Paths(["a" * 4000 + str(number) for number in range(10)])
    began = time.perf_counter()

    assert not paths.any_match("*a" * 40 + "b")
    assert time.perf_counter() - began < 10  # a bound against hanging; benchmarks measure


def test_links_and_submodules_in_the_record_are_not_followed(repo, scan):
    (repo.path / ".gxp/requirements/REQ-002-link.md").symlink_to("/etc/passwd")
    head = repo.git("rev-parse", "HEAD")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},.gxp/specs/elsewhere")
    repo.git("commit", "--quiet", "--message", "Links")

    found = scan(repo.path).findings("file-not-regular")

    assert ["symbolic link" in finding.message for finding in found] == [True, False]
