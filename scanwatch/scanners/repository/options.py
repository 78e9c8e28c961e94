"""The options of a scan of a repository: checked by their words alone, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ...errors import ScannerError
from ...model import FINDING_LEVELS, FailureCode
from .rules import RULES
from .text import legible

OPTIONS = ("ref", "path", "depth", "key", "exclude", "levels", "strict", "incremental")
MAX_DEPTH = 1_000_000
MAX_KEY = 64 * 1024
MAX_PATTERNS = 200

_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_MEANT = {
    **dict.fromkeys(("subfolder", "subdirectory", "subdir", "folder", "directory", "root"), "path"),
    **dict.fromkeys(("branch", "tag", "commit", "revision", "rev"), "ref"),
}
"""What others call an option of ours."""
_RULE_IDS = frozenset(rule.id for rule in RULES)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; ``None`` and empty: the repository's own configuration decides.

    ``path`` is the folder to scan, from the top of the repository, empty for all of it. ``depth`` is how many commits
    are fetched of a repository elsewhere, 0 for all of its history; one on this machine has what it has.
    ``key`` holds public keys as PEM or JSON Web Keys: text, never the name of a file. ``incremental``: only what
    changed since the last scan of the target is read, which finds the same.
    """

    ref: str | None = None
    path: str = ""
    depth: int = 1
    key: str | None = None
    exclude: tuple[str, ...] = ()
    levels: Mapping[str, str] = field(default_factory=dict)
    strict: bool | None = None
    incremental: bool = True


def read_options(said: Mapping[str, Any]) -> Options:
    """The options in a request.

    Raises:
        ScannerError: one is not known, or makes no sense.
    """
    for name in said:
        if name not in OPTIONS:
            close = [_MEANT[name]] if name in _MEANT else get_close_matches(name, OPTIONS, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            known = ", ".join(OPTIONS)
            raise wrong_option(f"The repository scanner has no option {legible(name, 60)!r}.{guess} It has: {known}.")
    return Options(
        ref=_ref(said.get("ref")),
        path=_path(said.get("path")),
        depth=_depth(said.get("depth")),
        key=_key(said.get("key")),
        exclude=_patterns(said.get("exclude")),
        levels=_levels(said.get("levels")),
        strict=_flag("strict", said.get("strict")),
        incremental=_flag("incremental", said.get("incremental")) is not False,
    )


def wrong_option(message: str) -> ScannerError:
    """The refusal of an option; trying again would not help."""
    return ScannerError(message, code=FailureCode.INVALID, retryable=False)


def _ref(ref: object) -> str | None:
    if ref is None:
        return None
    if not isinstance(ref, str) or not ref or len(ref) > 250 or ref.startswith("-") or not _is_plain(ref):
        shown = legible(str(ref), 60)
        raise wrong_option(f"ref={shown!r} names no commit. Pass a branch, a tag or a full commit id.")
    return ref


def _is_plain(ref: str) -> bool:
    return ref.isprintable() and not any(sign in ref for sign in " :^?*[\\")


def _path(path: object) -> str:
    """The folder without needless slashes and dots."""
    if path is None:
        return ""
    parts = [part for part in path.split("/") if part not in ("", ".")] if isinstance(path, str) else [".."]
    text = "/".join(parts)
    if ".." in parts or "\\" in text or len(text) > 1000 or not text.isprintable() or str(path).startswith("/"):
        shown = legible(str(path), 60)
        raise wrong_option(
            f"path={shown!r} is no folder of a repository. Pass it from the top, as in path='services/pay'."
        )
    return text


def _depth(depth: object) -> int:
    if depth is None:
        return 1
    text = str(depth) if not isinstance(depth, bool) else ""
    if not (text.isascii() and text.isdecimal() and int(text[:10]) <= MAX_DEPTH and len(text) <= 10):
        shown = legible(str(depth), 60)
        raise wrong_option(f"depth={shown!r} is no number of commits. Pass 1 or more, or 0 for all of the history.")
    return int(text)


def _key(key: object) -> str | None:
    if key is None or (isinstance(key, str) and 0 < len(key) <= MAX_KEY):
        return key
    raise wrong_option(
        "key is no text of public keys. Pass the PEM or the JSON Web Key itself, not the name of a file."
    )


def _patterns(said: object) -> tuple[str, ...]:
    patterns = said.split(",") if isinstance(said, str) else said if isinstance(said, list | tuple) else ()
    texts = tuple(one for one in patterns if isinstance(one, str) and one)
    if (said is not None and len(texts) != len(patterns)) or len(texts) > MAX_PATTERNS or (said and not texts):
        raise wrong_option(f"exclude is no list of patterns. Pass at most {MAX_PATTERNS} texts such as 'legacy/'.")
    return texts


def _levels(said: object) -> Mapping[str, str]:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise wrong_option("levels maps no rules to levels. Pass levels={'title-missing': 'info'}.")
    for rule, level in said.items():
        if rule not in _RULE_IDS or level not in FINDING_LEVELS:
            shown = f"{legible(str(rule), 60)}: {legible(str(level), 20)}"
            raise wrong_option(f"levels has {shown}, which is no rule and level. A level is error, warning or info.")
    return said


def _flag(name: str, said: object) -> bool | None:
    if said is None or isinstance(said, bool):
        return said
    word = said.lower() if isinstance(said, str) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise wrong_option(f"{name} is neither true nor false.")
