"""Which targets can be scanned here, and how this machine would serve events."""

from __future__ import annotations

from collections.abc import Iterator

from ..gateway._fanout._private import TESTED, fits
from ..scanners import Registry, installed_scanners
from ._check import Check, State

TOPIC = "Serving"


def check_scanners(registry: Registry | None = None) -> Iterator[Check]:
    """The schemes that have a scanner, each plug-in that cannot be loaded, and the fast path.

    Args:
        registry: the scanners to look at; by default those that are installed.
    """
    found = installed_scanners() if registry is None else registry
    yield Check(TOPIC, "scanners", State.OK, f"for {', '.join(sorted(found.by_scheme))}")
    for name, why in found.broken.items():
        remedy = "upgrade or uninstall the package that registers it (entry-point group scanwatch.scanners)"
        yield Check(TOPIC, f"scanner {name}", State.WRONG, f"cannot be loaded: {why}", remedy)
    yield _fast_path(fits())


def _fast_path(tested: bool) -> Check:
    if tested:
        return Check(TOPIC, "fast path", State.OK, "events go straight to the sockets")
    ranges = ", ".join(f"{name} {_dotted(first)} to before {_dotted(end)}" for name, (first, end) in TESTED.items())
    words = "the installed versions are not those it was tested with; a gateway serves all the same, slower"
    return Check(TOPIC, "fast path", State.NOTE, words, f"for many watchers, install {ranges}")


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
