"""What a command says where a package that it needs is not installed. Only the standard library is sure to be there."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version

_NAME = re.compile(r"[\w.-]+")


def explain(error: ModuleNotFoundError) -> str:
    """Which packages are missing, and how they are installed.

    Raises:
        ModuleNotFoundError: the module that is missing is our own, which no package of others would bring.
    """
    if (error.name or "").partition(".")[0] in {"", "scanwatch"}:
        raise error
    lacking = missing() or [str(error.name)]
    # Never --upgrade: an index may have another project's package of that name.
    return f"Not installed, and needed: {', '.join(lacking)}. Run: {sys.executable} -m pip install scanwatch"


def missing(declared: Sequence[str] | None = None) -> list[str]:
    """The packages that are needed without any extra and are not installed.

    Args:
        declared: the requirements, as metadata has them; by default those of the installed scanwatch.
    """
    known = _declared() if declared is None else declared
    names = [found[0] for one in known if "extra ==" not in one and (found := _NAME.match(one))]
    return [name for name in names if not _installed(name)]


def _declared() -> Sequence[str]:
    return requires("scanwatch") or [] if _installed("scanwatch") else []


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
