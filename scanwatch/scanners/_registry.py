"""Which scanner takes which target: the classes registered in the entry-point group ``scanwatch.scanners``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import UnknownTarget
from ._base import Scanner
from ._target import PATH, scheme_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "scanwatch.scanners"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registry:
    """The scanner of each scheme, and why those that could not be loaded were not."""

    by_scheme: Mapping[str, type[Scanner]]
    broken: Mapping[str, str]

    def scanner_for(self, target: str) -> type[Scanner]:
        """The scanner class that takes ``target``.

        Raises:
            UnknownTarget: none does; the message names the schemes there are.
        """
        scheme = scheme_of(target)
        if scheme == PATH and not _looks_like_a_path(target):
            raise UnknownTarget(
                f"{target!r} is neither a URL nor an existing path. {self._known()} "
                "Write a local path as ./name or in full."
            )
        if scheme not in self.by_scheme:
            raise UnknownTarget(f"No scanner takes {scheme}:// targets ({target!r}).{self._guess(scheme)}")
        return self.by_scheme[scheme]

    def _guess(self, scheme: str) -> str:
        close = get_close_matches(scheme, self.by_scheme, n=1)
        guess = f" Did you mean {close[0]}://?" if close else ""
        broken = "".join(f" The scanner {name!r} could not be loaded: {why}." for name, why in self.broken.items())
        return f"{guess} {self._known()}{broken}"

    def _known(self) -> str:
        return f"Known schemes: {', '.join(sorted(self.by_scheme)) or 'none'}."


def load_registry(registered: Iterable[EntryPoint]) -> Registry:
    """Load every registered scanner; one that cannot be loaded is noted and harms no other.

    Where two take the same scheme ours wins, then the first by name.
    """
    by_scheme: dict[str, type[Scanner]] = {}
    broken: dict[str, str] = {}
    for entry in sorted(registered, key=lambda entry: (not entry.value.startswith("scanwatch."), entry.name)):
        try:
            scanner: type[Scanner] = entry.load()
            schemes = _schemes(scanner)
        except Exception as error:
            broken[entry.name] = f"{type(error).__name__}: {error}"
            _logger.warning("The scanner %r could not be loaded: %s", entry.name, broken[entry.name])
            _logger.debug("The scanner %r is registered as %s", entry.name, entry.value, exc_info=True)
            continue
        for scheme in schemes:
            by_scheme.setdefault(scheme, scanner)
    return Registry(MappingProxyType(by_scheme), MappingProxyType(broken))


def _schemes(scanner: type[Scanner]) -> tuple[str, ...]:
    if not callable(getattr(scanner, "scan", None)):
        raise TypeError("it has no method scan")
    schemes: object = scanner.schemes
    if isinstance(schemes, str):
        raise TypeError(f"its schemes must be a tuple, not the string {schemes!r}")
    return tuple(scheme.lower() for scheme in scanner.schemes)


@cache
def installed_scanners() -> Registry:
    """The scanners of every installed package."""
    from importlib.metadata import entry_points  # which takes long to load, and a child process needs none

    return load_registry(entry_points(group=GROUP))


def scanner_for(target: str) -> type[Scanner]:
    """The installed scanner class that takes ``target``.

    Raises:
        UnknownTarget: none does; the message names the schemes there are.
    """
    return installed_scanners().scanner_for(target)


def _looks_like_a_path(target: str) -> bool:
    if not target or "\0" in target:
        return False
    plain = target.startswith(("/", "~", "./", "../", ".\\", "..\\", "\\\\")) or target in {".", ".."}
    return plain or target[1:3] in {":\\", ":/"} or os.path.exists(target)  # Path.exists raises for too long a name
