"""The documentation is true: its Python runs, and its pages build without a warning.

@gxp-spec SPEC-005-006 "Documentation"
@trace US-005-002
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scanwatch.cli._parser import make_parser
from scanwatch.gateway import OPTIONS, gather

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")
NOT_RUN = {"", "text", "nginx", "ini"}
"""Sequences, pictures of output, and files of other programs."""


def blocks(page: Path, *languages: str) -> list[str]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [block["text"] for block in found if block["language"] in languages]


def commands(page: Path) -> list[str]:
    """The lines that a reader would type, comments left out."""
    lines = [line.strip() for text in blocks(page, "sh", "bash") for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]
GUIDES = [page for page in WITH_PYTHON if page.parent.name == "guides"]
WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.mark.parametrize("page", [page for page in WITH_PYTHON if page not in GUIDES], ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, home: Path) -> None:
    run_script("\n".join(blocks(page, "python")), tmp_path, home)


def test_the_python_of_the_guides_runs(tmp_path: Path, home: Path) -> None:
    """One after the other in one process, which loads what they need once; each in a folder of its own."""
    codes = {name_of(page): "\n".join(blocks(page, "python")) for page in GUIDES}
    script = """
import os
for page, code in CODES.items():
    os.makedirs(page)
    os.chdir(page)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})
    os.chdir(HERE)
"""
    run_script(f"CODES = {codes!r}\nHERE = {str(tmp_path)!r}\n{script}", tmp_path, home)


def run_script(code: str, folder: Path, home: Path) -> None:
    script = folder / "page.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "SCANWATCH_HOME": str(home), "SCANWATCH_SIM_SPEED": "20"}
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_the_commands_of_a_page_are_commands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed by our command line, is a target of the Makefile, or names files that are there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("a-token-in-a-file")
    for command in commands(page):
        words = shlex.split(command.replace("$(openssl rand -hex 24)", "SECRET"), comments=True)
        while "=" in words[0]:
            words.pop(0)
        assert _is_a_command(words), command


def _is_a_command(words: list[str]) -> bool:
    match words:
        case ["scanwatch", *rest]:
            return make_parser().parse_args(rest).command == rest[0]
        case ["make", target]:
            return f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
        case ["pip", "install", *_]:
            return True  # what it installs is run in tests of its own
        case ["python", "-m", module, *rest]:
            named = [word for word in rest if word.endswith(".ipynb")]
            return importlib.util.find_spec(module) is not None and all((ROOT / one).exists() for one in named)
        case ["python", script, *_]:
            return (ROOT / script).is_file()
        case ["jupyter", "nbconvert", *_]:
            return importlib.util.find_spec("nbconvert") is not None
        case ["export", *_] | ["cd", *_] | ["git", "clone", *_]:
            return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_run_or_is_of_a_kind_that_nobody_runs(page: Path) -> None:
    kinds = {block["language"] for block in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert kinds - NOT_RUN <= {"python", "sh", "bash", "toml", "json"}
    for text in blocks(page, "toml"):
        tomllib.loads(text)
    for text in blocks(page, "json"):
        json.loads(text)


def test_what_a_page_configures_a_gateway_with_is_taken(tmp_path: Path) -> None:
    (text,) = blocks(ROOT / "docs" / "configuration.md", "toml")
    file = tmp_path / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    assert {"host", "store", "keep_s", "allow_origins"} <= set(gather(OPTIONS, flags={}, environment={}, file=file))


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT], ids=name_of)
def test_the_links_of_a_page_outside_the_site_lead_somewhere(page: Path) -> None:
    """Those between the site's pages, and their anchors, are checked when it is built."""
    targets = [link["target"].partition("#")[0] for link in LINK.finditer(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if target and "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (tmp_path / "site" / "index.html").exists()
    reference = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    assert "add_done_callback" in reference
    assert "<p>::</p>" not in reference
    assert "https://" not in "".join(re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', reference)), (
        "offline"
    )
