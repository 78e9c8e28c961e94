"""Python, the packages this installation declares, and the programs it calls."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from .._version import __version__
from ._check import Check, State

TOPIC = "Installed"
EXTRAS = {
    "lab": "run notebooks in JupyterLab",
    "evidence": "verify the signatures of evidence",
    "jwt": "let people in with JSON Web Tokens",
    "redis": "keep scans in Redis, with workers on other machines",
    "plot": "draw timelines, coverage and traceability",
    "excel": "export tables to .xlsx",
    "languages": "read annotations in C, C#, HCL, Ruby, Rust and YAML",
}
"""What each extra is for, after "to"; those for working on scanwatch itself are not among them."""

_PROGRAM_TIMEOUT_S = 10


def check_packages(declared: Sequence[str] | None = None) -> Iterator[Check]:
    """Python and scanwatch, then what it needs, then each extra.

    Args:
        declared: the requirements, as metadata has them; by default those of the installed scanwatch.
    """
    where = Path(__file__).parents[1]
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check(TOPIC, "scanwatch", State.OK, f"{__version__}, in {where}")
    yield Check(TOPIC, "Python", State.OK, f"{python}, {sys.executable}")
    try:
        known = requires("scanwatch") or [] if declared is None else declared
    except PackageNotFoundError:
        remedy = "install it: pip install PATH, or pip install --editable PATH for a checkout"
        yield Check(TOPIC, "metadata", State.WRONG, "scanwatch runs from a folder that was not installed", remedy)
        return
    wanted = [Requirement(text) for text in known]
    yield _needed([one for one in wanted if _applies(one, "")])
    for extra, purpose in EXTRAS.items():
        yield _extra(extra, purpose, [one for one in wanted if _applies(one, extra) and not _applies(one, "")])


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _needed(requirements: Sequence[Requirement]) -> Check:
    lacking = [problem for one in requirements if (problem := _problem(one))]
    if lacking:
        # Never --upgrade: an index may have another project's package of that name.
        remedy = f"{sys.executable} -m pip install scanwatch: it brings what this installation lacks"
        return Check(TOPIC, "packages", State.WRONG, "; ".join(lacking), remedy)
    return Check(TOPIC, "packages", State.OK, f"all {len(requirements)} that are needed")


def _extra(extra: str, purpose: str, requirements: Sequence[Requirement]) -> Check:
    lacking = [problem for one in requirements if (problem := _problem(one))]
    if not lacking:
        return Check(TOPIC, f"[{extra}]", State.OK, f"there, to {purpose}")
    remedy = f'pip install "scanwatch[{extra}]"'
    return Check(TOPIC, f"[{extra}]", State.NOTE, f"{'; '.join(lacking)}; needed to {purpose}", remedy)


def _problem(requirement: Requirement) -> str | None:
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} is {found}, wanted is {requirement.specifier}"


def check_programs() -> Iterator[Check]:
    """git, without which only simulated repositories can be scanned."""
    git = shutil.which("git")
    if git is None:
        remedy = "install git (Debian: apt-get install git), or scan on a gateway that has it"
        yield Check(TOPIC, "git", State.NOTE, "not found; needed to scan repositories", remedy)
        return
    try:
        said = subprocess.run(
            [git, "--version"], capture_output=True, text=True, timeout=_PROGRAM_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(TOPIC, "git", State.WRONG, f"{git} does not run: {error}", "install git anew")
        return
    yield Check(TOPIC, "git", State.OK, f"{said.stdout.strip().removeprefix('git version ')}, {git}")
