"""The notebooks that teach the project run from top to bottom, and say what they were stored with.

@gxp-spec SPEC-001-007 "Notebooks"
@trace US-001-001
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
QUICKSTART = NOTEBOOKS / "01-quickstart.ipynb"
APP = NOTEBOOKS / "dashboard.ipynb"
TAUGHT = sorted(NOTEBOOKS.glob("0*.ipynb"))
MEASURED = {"03-traceability", "05-push-against-polling"}
"""What these show is of this checkout, and of this machine: the others say the same everywhere."""


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
        timeout=300,
        check=False,
    )


def test_the_quickstart_says_again_what_it_was_stored_with(tmp_path: Path) -> None:
    done = run_nbval(QUICKSTART, tmp_path, "--nbval")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", [path for path in TAUGHT if path != QUICKSTART], ids=lambda path: path.stem)
def test_a_notebook_says_again_what_it_was_stored_with(path: Path, tmp_path: Path) -> None:
    """Strictly where it says the same everywhere; the others run without an error."""
    done = run_nbval(path, tmp_path, "--nbval-lax" if path.stem in MEASURED else "--nbval")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*TAUGHT, APP], ids=lambda path: path.name)
def test_a_stored_notebook_is_valid_and_holds_nothing_of_the_run_that_made_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type in {"error", "stream"}] == []
    assert re.findall(r"(?:tmp|home|root|Users)/[^\s'\"<]*", json.dumps(outputs)) == []


def test_the_quickstart_shows_the_checkout_by_the_projects_name() -> None:
    shown = [cell.outputs for cell in nbformat.read(QUICKSTART, as_version=4).cells if cell.source == "own"]
    assert shown[0][0].data["text/plain"].splitlines()[1].startswith("scanwatch ")


@pytest.mark.parametrize("path", TAUGHT, ids=lambda path: path.name)
def test_a_notebook_that_teaches_can_be_read_without_being_run(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first, last = notebook.cells[0], [cell for cell in notebook.cells if cell.get("outputs")][-1]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert {"text/html", "image/png", "text/plain"} & set(last.outputs[-1].get("data", {}))


def test_the_app_is_stored_without_outputs() -> None:
    """A widget that was stored without its state is an error on the page until the notebook is run."""
    assert [cell for cell in nbformat.read(APP, as_version=4).cells if cell.get("outputs")] == []
