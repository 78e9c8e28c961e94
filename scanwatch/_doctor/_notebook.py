"""Whether a notebook here can show a live panel: the kernel, the front end, and the widgets in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ._check import Check, State

TOPIC = "Notebook"
WIDGETS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}
"""What JupyterLab loads to show a panel, and the package that brings it."""


def check_notebook() -> Iterator[Check]:
    """The kernel, JupyterLab, its widgets, and whose JupyterLab the one on the PATH is."""
    for package, purpose in {"ipykernel": "run a notebook", "jupyterlab": "open one in JupyterLab"}.items():
        yield _installed(package, purpose)
    yield from check_widgets(_extension_folders())
    yield from check_front_end(shutil.which("jupyter-lab"), Path(sys.prefix))


def _installed(package: str, purpose: str) -> Check:
    try:
        return Check(TOPIC, package, State.OK, version(package))
    except PackageNotFoundError:
        remedy = 'pip install "scanwatch[lab]"'
        return Check(TOPIC, package, State.NOTE, f"not installed here; needed to {purpose}", remedy)


def _extension_folders() -> Sequence[Path]:
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return []
    return [Path(folder) for folder in jupyter_path("labextensions")]


def check_widgets(folders: Sequence[Path]) -> Iterator[Check]:
    """Whether a JupyterLab that looks into ``folders`` finds what shows a panel."""
    if not folders:
        return
    missing = [package for name, package in WIDGETS.items() if not any((one / name).is_dir() for one in folders)]
    if missing:
        words = f"JupyterLab would not find {' and '.join(missing)}: panels stay text"
        remedy = f"pip install --force-reinstall {' '.join(missing)}, then reload JupyterLab's page"
        yield Check(TOPIC, "widgets", State.WRONG, words, remedy)
    else:
        yield Check(TOPIC, "widgets", State.OK, "JupyterLab finds what shows a live panel")


def check_front_end(command: str | None, prefix: Path) -> Iterator[Check]:
    """A JupyterLab of another environment shows a panel only if the widgets are in *that* environment."""
    if command is None or Path(command).parent.resolve().is_relative_to(prefix.resolve()):
        return
    words = f"the jupyter-lab on the PATH, {command}, is of another environment than this Python"
    remedy = (
        "there: pip install anywidget; here: python -m ipykernel install --user --name scanwatch, "
        "and choose that kernel. Or start this environment's: python -m jupyterlab"
    )
    yield Check(TOPIC, "front end", State.NOTE, words, remedy)
