"""The notebooks that teach the project run from top to bottom, and say what they were stored with.

@gxp-spec SPEC-001-007 "Notebooks"
@trace US-001-001
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
QUICKSTART = NOTEBOOKS / "01-quickstart.ipynb"


def run_nbval(notebook: Path, home: Path, mode: str) -> subprocess.CompletedProcess[str]:
    """nbval on one notebook in a fresh kernel, apart from this machine's settings and from this suite's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCANWATCH", "PYTEST"))}
    environment |= {
        "SCANWATCH_BLOCK": "1",
        "SCANWATCH_HOME": str(home / "scanwatch"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={notebook.parent}",
        mode,
        "--nbval-cell-timeout=90",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(notebook)],
        env=environment,
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_quickstart_says_again_what_it_was_stored_with(tmp_path: Path) -> None:
    done = run_nbval(QUICKSTART, tmp_path, "--nbval")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_stored_notebook_is_valid_and_holds_nothing_of_the_run_that_made_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs, "it is stored with its outputs, to be read without being run"
    assert [output for output in outputs if output.output_type in {"error", "stream"}] == []
