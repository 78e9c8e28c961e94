"""What is built is complete, and what is declared is what is used.

@gxp-spec SPEC-005-002 "Packaging and commands"
@trace US-005-001
@test-type IQ
@gxp-risk LOW
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import scanwatch

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "scanwatch").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert ours - packed == set()
    assert {"scanwatch/panel/static/panel.js", "scanwatch/panel/static/panel.css", "scanwatch/py.typed"} <= packed


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert scanwatch.__version__.count(".") == 2


@pytest.mark.slow
def test_the_wheel_installs_alone_and_runs(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment gets the wheel and what it declares, nothing of this checkout."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(install, check=True, timeout=600, cwd=tmp_path)
    code = "import scanwatch; from scanwatch.panel import Panel; print(scanwatch.__version__)"
    said = subprocess.run([python, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout.strip()) == (0, scanwatch.__version__), said.stderr
    command = tmp_path / "venv" / "bin" / "scanwatch"
    helped = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert helped.returncode == 0
    assert "serve" in helped.stdout
