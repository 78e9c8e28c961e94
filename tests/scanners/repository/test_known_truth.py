"""A repository that is broken in every way, and one that nearly is: what is found is exactly what was put there.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from scanwatch.scanners.repository.rules import RULES, Rule
from scanwatch.scanners.repository.rules import product as product_rules
from tests.scanners.repository.signing import PACKAGE, in_record, package, public_pem, result, signed
from tests.scanners.repository.test_rules import ADR, CONTEXT, LOG, REQ, SPEC, STORY, VENDOR

E = ".gxp/evidence"
P, PQ = f"{E}/{PACKAGE}", f"{E}/PQ-SPEC-001-001-2026-01-02T03-04-05-678Z"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"


def named(*parts: str) -> str:
    return "---\n" + "\n".join(parts) + "\n---\n"


def requirement(number: str, *more: str, risk: str = "LOW") -> str:
    return named(f"gxp_id: REQ-{number}", "title: T", f"gxp_risk_rating: {risk}", "acceptance_criteria: [a]", *more)


def story(number: str, *more: str) -> str:
    return (
        named(f"gxp_id: US-{number}", "title: T", "acceptance_criteria: [a]", *more) + "As a b, I want c so that d.\n"
    )


def spec(number: str, *more: str) -> str:
    return named(f"gxp_id: SPEC-{number}", "title: T", "verification_tier: OQ", "test_files: [tests]", *more)


def entry(number: str, component: str, level: str = "LOW", status: str = "open") -> str:
    bullets = {"Date": "2026-01-02", "Component": component, "Risk Level": level, "Status": status}
    return f"## RISK-{number}: A risk\n\n" + "\n".join(f"- {name}: {value}" for name, value in bullets.items()) + "\n\n"


def jws(spec_id: str, **changes: object) -> str:
    algorithm = changes.pop("algorithm", "ES256")
    return signed(result(spec_id=spec_id, gxp_id=f"EV-{spec_id}", **changes), str(algorithm))


def forged(text: str) -> str:
    """Another payload under a signature."""
    head, _, signature = text.split(".")
    return ".".join((head, jws("SPEC-001-001", timestamp="2026-02-02T00:00:00Z").split(".")[1], signature))


def record_of_testing(spec_id: str, **changes: str) -> str:
    said = {
        "tester": "a",
        "test_date": "2026-01-02",
        "test_type": "ad-hoc",
        "result": "PASS",
        "summary": "s",
        **changes,
    }
    return named(f"spec_id: {spec_id}", *(f"{name}: {value}" for name, value in said.items()))


def unread(rule: str, line: int | None) -> list[tuple[str, int | None]]:
    """The findings about a requirement that cannot be read: the cause, and what its name alone is enough for."""
    return [
        (rule, line),
        *((one, 1) for one in ("requirement-without-story", "risk-entry-missing", "requirement-uncovered")),
    ]


BROKEN: list[tuple[str, str | bytes, list[tuple[str, int | None]]]] = [
    # a file, its contents, and the findings at it: the rule and the line
    (
        CONTEXT,
        named("id: payments", "project_name: P", "version: 1.4", "gxp_risk_rating: SEVERE", "validation_status: done"),
        [
            *(("system-context-key-missing", 2), ("system-context-id", 2), ("system-context-version", 4)),
            *(("system-context-risk", 5), ("status-unknown", 6)),
        ],
    ),
    (
        REQ,
        named("gxp_id: REQ-001", "gxp_risk_rating: SOME", "validation_status: DRAFT", "gxp_id: REQ-001"),
        [
            *(("front-matter-duplicate-key", 5), ("title-missing", 5), ("status-older-draft", 4)),
            *(("risk-unknown", 3), ("acceptance-criteria-missing", 5)),
        ],
    ),
    (
        ".gxp/requirements/REQ-002-a.md",
        requirement("002", risk="HIGH"),
        [("evidence-tiers-missing", 2), ("evidence-one-signer", 2), ("requirement-uncovered", 2)],
    ),
    (
        ".gxp/requirements/REQ-003-a.md",
        requirement("003"),
        [("requirement-without-story", 2), ("risk-entry-missing", 2), ("requirement-uncovered", 2)],
    ),
    (".gxp/requirements/REQ-004-a.md", "REQ-004\n", unread("front-matter-missing", 1)),
    (".gxp/requirements/REQ-005-a.md", "---\ngxp_id: REQ-005\n", unread("front-matter-unterminated", 1)),
    (".gxp/requirements/REQ-006-a.md", "---\ngxp_id: [\n---\n", unread("front-matter-invalid", 3)),
    (".gxp/requirements/REQ-007-a.md", b"---\ngxp_id: \xff\n---\n", unread("text-encoding", 2)),
    (".gxp/requirements/REQ-008-a.md", POINTER, unread("file-elsewhere", 1)),
    (".gxp/requirements/REQ-009-a.md", "x" * (1024 * 1024 + 1), unread("file-too-large", None)),
    (
        ".gxp/requirements/REQ-010-a.md",
        requirement("002", "satisfies: [REQ-404]"),
        [("id-duplicate", 2), ("parent-missing", 6), ("evidence-tiers-missing", 2), ("requirement-uncovered", 2)],
    ),
    (
        ".gxp/requirements/REQ-012-a.md",
        requirement("012", "satisfies: [REQ-013]"),
        [("trace-circular", 2), ("risk-entry-missing", 2), ("requirement-uncovered", 2)],
    ),
    (
        ".gxp/requirements/REQ-013-a.md",
        requirement("013", "satisfies: [REQ-012]"),
        [("risk-entry-missing", 2), ("requirement-uncovered", 2)],
    ),
    (
        STORY,
        "\ufeff" + named("title: C", "parent_id: REQ-001", "acceptance_criteria: [a]") + "\x07",
        [("text-byte-order-mark", 1), ("text-control-characters", 6), ("id-missing", 1), ("story-incomplete", 1)],
    ),
    (".gxp/user_stories/US-002-001-a.md", story("002-001"), [("parent-implied", 2)]),
    (
        ".gxp/user_stories/US-002-002-a.md",
        story("002-002", "parent_id: SPEC-001-001"),
        [("parent-level", 5), ("story-without-spec", 2)],
    ),
    (
        ".gxp/user_stories/US-1-a.md",
        story("1", "parent_id: REQ-001"),
        [("id-pattern", 2), ("story-without-spec", 2)],
    ),
    (
        SPEC,
        named("gxp_id: SPEC-001-001", "title: T", "parent_id: US-001-001", "tier: unit", "source_files: [gone.py]"),
        [("tier-unknown", 5), ("spec-without-tests", 2), ("named-file-missing", 6)],
    ),
    (".gxp/specs/SPEC-002-001-a.md", spec("002-001", "parent_id: US-002-001"), []),
    (
        ".gxp/specs/SPEC-003-001-a.md",
        spec("003-001", "parent_id: US-002-001"),
        [("parent-numbering", 6), ("spec-without-evidence", 2)],
    ),
    (
        ADR,
        "# ADR-001: One\n\n## Status\n\nPerhaps\n\n## Context\n\n## Decision\n",
        [("adr-section-missing", 1), ("adr-status", 5)],
    ),
    (VENDOR, named("product: C", "expiry_date: 2020-01-31"), [("vendor-expired", 3)]),
    (".gxp/vendor_assessments/VA-002-b.md", named("product: C"), [("vendor-expiry-unknown", 1)]),
    (
        LOG,
        entry("001", "REQ-001, REQ-404") + entry("002", "REQ-002", "LOW", "pending") + "## RISK004\n",
        [
            *(("risk-reference-unknown", 1), ("risk-level-differs", 1)),
            *(("risk-level-differs", 8), ("risk-status", 8), ("risk-entry-malformed", 15)),
        ],
    ),
    (".gxp/notes.txt", "?", [("file-unrecognised", None)]),
    (
        ".gxp/adr/ADR-002-\u202e.md",
        "# ADR-002: B\n## Status\nAccepted\n## Context\n## Decision\n## Consequences\n",
        [("file-name-unclear", None)],
    ),
    (
        ".scanwatch.toml",
        'stric = true\n[[suppress]]\nrule = "id-missing"\nfile = "none"\nreason = "r"\n',
        [("configuration-invalid", None), ("suppression-unused", None)],
    ),
    (
        "src/card.py",
        "# @gxp-spec SPEC-404\n# @gxp-risk SOME\n# @gxp-req\n# @gxp-speck X-1\n",
        [
            *(("annotation-unresolved", 1), ("annotation-risk-unknown", 1)),
            *(("annotation-id-missing", 3), ("annotation-tag-unknown", 4)),
        ],
    ),
    ("src/one.py", "# @gxp-spec SPEC-001-001\n# @gxp-risk HIGH\n", []),
    ("src/two.py", "# @gxp-spec SPEC-001-001\n# @gxp-risk LOW\n", [("annotation-risk-differs", 1)]),
    (
        "tests/test_card.py",
        "# @gxp-spec SPEC-001-001\n# @test-type unit\n",
        [("test-type-unknown", 1), ("test-block-incomplete", 1)],
    ),
    ("src/large.py", "x" * (1024 * 1024 + 1), [("source-too-large", None)]),
    ("src/many.py", "# @gxp-spec SPEC-001-001\n" * 2001, [("source-tags-omitted", None)]),
    ("src/a.kt", "// @gxp-spec SPEC-001-001\n", []),
    ("vendor/a.py", "A = 1\n", []),
    ("src/a.bits", b"\0\1\2", []),
    ("src/pointer.py", POINTER, []),
    (f"{E}/EV-SPEC-001-001.jws", forged(jws("SPEC-001-001")), [("evidence-signature", None)]),
    (
        f"{E}/EV-SPEC-002-002.jws",
        jws("SPEC-002-001", algorithm="HS256"),
        [("evidence-algorithm", None), ("evidence-spec-differs", None)],
    ),
    (
        f"{E}/EV-SPEC-404-001.jws",
        jws("SPEC-404-001", test_results={"passed": 1, "failed": 2}),
        [("evidence-spec-unknown", None), ("evidence-tests-failed", None)],
    ),
    (
        f"{E}/EV-SPEC-001-002.jws",
        "not.a.signature",
        [("evidence-malformed", None), ("evidence-spec-unknown", None)],
    ),
    (
        f"{E}/ROT-SPEC-002-001.md",
        record_of_testing("SPEC-002-001", test_type="quick"),
        [("evidence-unsigned", None), ("evidence-value-unknown", None)],
    ),
    (f"{P}", "", [("package-contents", None)]),
    (f"{P}/manifest.json", "", [("package-manifest-differs", None), ("package-path", None)]),
    (f"{P}/environment.json", "", [("package-tampered", None)]),
    (f"{P}/artifacts/coverage-report.json", "", [("package-tampered", None)]),
    (f"{P}/extra.txt", "", [("package-unlisted", None)]),
    (f"{PQ}", "", [("package-incomplete", None), *[("package-contents", None)] * 6]),
    (
        f"{E}/EV-SPEC-002-001.jws",
        "",
        [("evidence-field-missing", None), ("evidence-expired", None), ("evidence-state-differs", None)],
    ),
    (".gxp/requirements/REQ-011-link.md", "", [("file-not-regular", None)]),
]
EVERYWHERE = ("language-unread", "excluded", "binary", "submodule", "elsewhere")
ELSEWHERE = {
    *("system-context-missing", "adr-missing", "risk-log-missing"),  # test_rules.py
    *("findings-omitted", "source-too-slow"),  # test_scanner.py, test_annotations.py
    *(rule.id for rule in vars(product_rules).values() if isinstance(rule, Rule)),  # test_product.py
}
"""Rules that are tested on their own: with them broken, others could not be."""


def broken_package() -> dict[str, str]:
    """A package with a file too many, one too few, one that was changed, a path that leads out and another manifest."""
    changes = {"artifacts/coverage-report.json": None, "environment.json": "{} ", "extra.txt": "x"}
    files = package(changes)
    manifest = json.loads(files["manifest.json"])
    manifest["files"].append({"path": "../../system_context.md", "sha256": "0" * 64, "size_bytes": 1})
    return in_record({**files, "manifest.json": json.dumps(manifest)}, P)


@pytest.fixture
def broken(empty_repo):
    earlier = empty_repo.commit()
    late = jws("SPEC-002-001", timestamp=None, exp=1, git_commit=earlier)
    empty_repo.write({file: contents for file, contents, _ in BROKEN if contents})
    empty_repo.write({**broken_package(), f"{PQ}/manifest.json": '{"files": []}', f"{E}/EV-SPEC-002-001.jws": late})
    (empty_repo.path / ".gxp/requirements/REQ-011-link.md").symlink_to("REQ-001-pay.md")
    empty_repo.git("add", "--all", "--force")
    empty_repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    empty_repo.git("commit", "--quiet", "--message", "Broken")
    return empty_repo


def test_everything_that_is_broken_is_found_at_its_place_and_nothing_else(broken, scan):
    expected = [(rule, file.replace("\u202e", "\\u202e"), line) for file, _, found in BROKEN for rule, line in found]
    expected += [(f"source-{rule}", None, None) for rule in EVERYWHERE]

    found = scan(broken.path, key=public_pem()).outcome.findings

    assert Counter((one.rule, one.file, one.line) for one in found) == Counter(expected)
    assert {rule.id for rule in RULES} - {rule for rule, _, _ in expected} == ELSEWHERE


def test_what_is_nearly_broken_is_not_found(repo, scan):
    """For each rule there is something near its edge; the good record is a false example of many by itself."""
    sources = repo.git("rev-parse", "HEAD")
    state = hashlib.sha256(b"card.pyCARD = 1\n").hexdigest()
    later = jws("SPEC-001-001", exp=32503680000, git_commit=sources, system_state_hash=state)
    tags = "# @gxp-spec SPEC-001-001\n# @trace US-001-001\n# @test-type OQ\n# @gxp-risk low\n"
    repo.commit(
        {
            CONTEXT: named(
                *("id: 3F2B8C1E-7a54-4c1e-9d53-0a8f6b2f5e11", "project_name: 'P: now'", "version: 1.4.0-rc.1+b5"),
                *("risk: high", "assuranceStatus: in_review", "intended_use: |", "  Takes payments."),
            ),
            REQ: named(
                "id: REQ-001", "title: 'Pay: now'", "risk: low", "acceptanceCriteria: a sentence", "status: retired"
            ),
            ".gxp/requirements/REQ-002-b.md": requirement("002", "validation_status: retired"),
            STORY: story("001-001", "requirement: REQ-001", "validation_status: validated"),
            SPEC: spec("001-001", "user_story: US-001-001", "source_files: ['./src/*.py', tests/]"),
            ADR: "# ADR-001: One\nStatus: Superseded by ADR-002\n# context\n### DECISION\n## Consequences\n",
            VENDOR: named("product: C", "expiry_date: 2999-01-31T00:00:00Z"),
            LOG: entry("001", "REQ-001", "low", "Accepted")
            + entry("INF-002", "INFRA and REQ-002")
            + "Not [1] an entry\n",
            ".gxp/.gitkeep": "",
            ".gxp/evidence/notes/readme.md": "About them.\n",
            f"{E}/EV-SPEC-001-001.jws": later,
            f"{E}/ROT-SPEC-001-001.md": record_of_testing("SPEC-001-001", result="PASS_WITH_DEVIATIONS"),
            **in_record(package()),
            ".scanwatch.toml": '[rules]\ntitle-missing = "info"\n',
            "src/card.py": 'CARD = "@gxp-spec SPEC-404"\nGLOB = "**/@gxp-req/*"\n# mail a@gxp-req.example\n',
            "src/edge.py": "#" * (1024 * 1024),
            "src/picture.png": b"\0" * (1024 * 1024 + 1),
            "docs/tags.md": "@gxp-spec SPEC-404\n",
            "tests/test_card.py": tags,
        }
    )

    scanned = scan(repo.path, key=public_pem())

    assert scanned.outcome.findings == ()
    assert {row.signature for row in scanned.outcome.evidence} == {"verified", "unsigned"}
    assert all(row.intact for row in scanned.outcome.evidence)
