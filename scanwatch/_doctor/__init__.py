"""``scanwatch doctor``: what is installed, which gateway would be used and why, and what is wrong, with its remedy.

Every check is a function that looks at one thing and says what it found; none changes anything, and none starts a
gateway. ``examine`` runs them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._check import Check, State
from ._environment import check_environment
from ._gateway import check_gateway
from ._notebook import check_notebook
from ._packages import EXTRAS, check_packages, check_programs
from ._scanners import check_scanners
from ._store import check_store

__all__ = ["EXTRAS", "Check", "State", "examine"]


def examine(gateway: str | None = None, store: str | None = None) -> Iterator[Check]:
    """Look at everything, in the order in which it should be put right.

    Args:
        gateway: a URL to look at in place of the one that ``connect()`` would take.
        store: the URL of a store to look at, in place of any gateway.
    """
    yield from check_packages()
    yield from check_programs()
    yield from check_notebook()
    yield from check_scanners()
    yield from check_environment()
    if store is None or gateway is not None:
        yield from check_gateway(gateway)
    if store is not None:
        yield from check_store(store)
