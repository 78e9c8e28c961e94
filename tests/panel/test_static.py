"""The browser side: its own tests under node, and one module of many that is still a module.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import scanwatch.panel
from scanwatch.panel._static import MODULES, script, stylesheet

STATIC = Path(scanwatch.panel.__file__).parent / "static"
SUITES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
@pytest.mark.needs("node")
def test_the_browser_side_passes_its_own_tests(suite: Path) -> None:
    run = subprocess.run(["node", "--test", str(suite)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.needs("node")
def test_the_joined_script_is_one_module_with_one_export(tmp_path: Path) -> None:
    joined = tmp_path / "joined.mjs"
    joined.write_text(script(), encoding="utf-8")
    run = subprocess.run(["node", "--check", str(joined)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert re.findall(r"^(?:import|export).*", script(), re.MULTILINE) == ["export default function panel() {"]


def test_every_module_is_joined_after_those_it_imports() -> None:
    assert set(MODULES) == {file.name for file in STATIC.glob("*.js")}
    for position, name in enumerate(MODULES):
        imported = re.findall(r'from "\./([\w.]+)"', (STATIC / name).read_text(encoding="utf-8"))
        assert set(imported) <= set(MODULES[:position]), name


def test_nothing_is_loaded_from_elsewhere_and_nothing_becomes_html() -> None:
    everything = script() + stylesheet()
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "url("):
        assert forbidden not in everything, forbidden
