"""Every test module says which spec it verifies, and the ids it names exist in our own documents.

@gxp-spec SPEC-005-002 "Packaging and commands"
@trace US-005-001
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCUMENTS = ROOT / ".gxp"
MODULES = sorted((ROOT / "tests").rglob("test_*.py"))
TAG = re.compile(r"^@(gxp-spec|trace|test-type|gxp-risk) +(\S+)", re.MULTILINE)


def front_matter(path: Path) -> dict[str, str]:
    front: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
    return front


def documents(folder: str) -> dict[str, dict[str, str]]:
    return {front["gxp_id"]: front for front in map(front_matter, (DOCUMENTS / folder).glob("*.md"))}


REQUIREMENTS, STORIES, SPECS = map(documents, ["requirements", "user_stories", "specs"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_names_a_spec_its_story_its_type_and_its_risk(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    tags = dict(TAG.findall(docstring))
    assert set(tags) == {"gxp-spec", "trace", "test-type", "gxp-risk"}
    spec = SPECS[tags["gxp-spec"]]
    story = STORIES[tags["trace"]]
    assert spec["parent_id"] == tags["trace"]
    assert tags["test-type"] in {"IQ", "OQ", "PQ"}
    assert tags["gxp-risk"] == REQUIREMENTS[story["parent_id"]]["gxp_risk_rating"]


def test_every_spec_is_verified_by_a_test_module() -> None:
    verified = {
        spec
        for path in MODULES
        for tag, spec in TAG.findall(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        if tag == "gxp-spec"
    }
    assert set(SPECS) - verified == set()


def test_what_our_record_lacks_is_accepted_by_name_with_a_reason_and_never_by_rating() -> None:
    settings = tomllib.loads((ROOT / ".scanwatch.toml").read_text(encoding="utf-8"))
    assert set(settings) == {"suppress"}, "no level is lowered and nothing is left out"
    accepted = settings["suppress"]
    assert {tuple(sorted(one)) for one in accepted} == {("artifact", "reason", "rule")}
    assert {one["rule"] for one in accepted} == {"spec-without-evidence"}
    assert sorted(one["artifact"] for one in accepted) == sorted(SPECS), "each spec once, and no pattern"
    assert all(len(one["reason"].split()) > 5 for one in accepted)
    system = front_matter(DOCUMENTS / "system_context.md")["gxp_risk_rating"]
    ratings = {one["gxp_risk_rating"] for one in REQUIREMENTS.values()}
    assert max(ratings, key=["LOW", "MEDIUM", "HIGH"].index) == system
    assert {gxp_id for gxp_id, one in REQUIREMENTS.items() if one["gxp_risk_rating"] == "LOW"} <= {"REQ-005"}


def test_the_files_that_specs_name_exist() -> None:
    missing = [
        f"{gxp_id}: {name}"
        for gxp_id, front in SPECS.items()
        for key in ("source_files", "test_files")
        for name in front.get(key) or []
        if not (ROOT / name).exists()
    ]
    assert missing == []
