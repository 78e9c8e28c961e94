"""Runs the notebooks and stores them anew, with what they show and nothing of the run: `make notebooks`.

They run beside the last commit, in a clone whose folder is named as the project is: some show the checkout they are in.

python docs/notebooks.py                                   those that teach
python docs/notebooks.py notebooks/06-record-and-replay.ipynb    one
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
CELL_TIMEOUT_S = 180


def run(path: Path) -> float:
    """Run one notebook in a fresh kernel and a home of its own, and store it; how many seconds that took."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home:
        checkout = Path(home) / "scanwatch"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        os.environ |= {"SCANWATCH_BLOCK": "1", "SCANWATCH_HOME": f"{home}/own", "IPYTHONDIR": f"{home}/ipython"}
        os.environ |= {"SCANWATCH_CACHE": f"{home}/cache", "PYTHONPATH": str(checkout)}
        began = time.monotonic()
        resources = {"metadata": {"path": checkout / "notebooks"}}
        client = NotebookClient(notebook, timeout=CELL_TIMEOUT_S, resources=resources)
        client.execute()
    took = time.monotonic() - began
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)
    return took


def main() -> None:
    for path in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("0*.ipynb")):
        sys.stdout.write(f"{path.name:<40} {run(path):5.1f} s\n")


if __name__ == "__main__":
    main()
