"""Kernels of several versions of ipykernel, as kernel specs that Jupyter's own programs can start.

Each version has an environment of its own below ``build/kernels``, made once: it holds that ipykernel and what only it
needs, and borrows everything else from the environment the suite runs in.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

import filelock
from jupyter_client.kernelspec import KernelSpecManager

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "kernels"
SPECS = BUILD / "kernels"  # found by whoever has BUILD in JUPYTER_PATH

INSTALLED = "installed"
LATEST = "latest"
REQUIREMENTS = {
    "6.31": "ipykernel==6.31.*",
    "7.0": "ipykernel==7.0.*",
    "7.1": "ipykernel==7.1.*",
    "7.3": "ipykernel==7.3.*",
    LATEST: "ipykernel>=7.4,<8",
}
"""What each kernel's environment is made of; ``installed`` is the suite's own."""


def spec_name(version: str) -> str:
    """The kernel spec that starts ``version``, made with its environment if it is not there yet."""
    name = f"ipykernel-{version}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(BUILD / f"{name}.lock"):
        python = Path(sys.executable) if version == INSTALLED else _environment(version)
        folder = SPECS / name
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": name, "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
    return name


def specs() -> KernelSpecManager:
    """Where Jupyter finds the kernels that :func:`spec_name` made, and no others."""
    return KernelSpecManager(kernel_dirs=[str(SPECS)], ensure_native_kernel=False)


def _environment(version: str) -> Path:
    """The interpreter of the environment for ``version``."""
    folder, requirement = BUILD / version, REQUIREMENTS[version]
    python, made_of = folder / "bin" / "python", folder / "made-of"
    borrowed = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    # What is the latest is asked once a day.
    wanted = f"{requirement}\n{borrowed}{datetime.now(UTC).date() if version == LATEST else ''}"
    if made_of.is_file() and made_of.read_text() == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
    [own] = folder.glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(borrowed)
    install = ["install", "--quiet", "--disable-pip-version-check", "--upgrade", requirement]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True)
    made_of.write_text(wanted)
    return python
