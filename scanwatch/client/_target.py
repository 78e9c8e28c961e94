"""What a person asks to be scanned, as a gateway wants it: the target, its name, and the scan's options."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from ..errors import UsageError

KEEPS_QUERY = frozenset({"http", "https", "ssh", "git", "file"})
"""Schemes whose query belongs to the address; in any other the query holds options of the scan."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://.")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//).")


Target = str | os.PathLike[str]
"""A URL, or the path of a checkout."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scan that is asked for; the options' values are text."""

    target: str
    name: str
    options: Mapping[str, str]


def wanted_scan(target: Target, options: Mapping[str, object]) -> Wanted:
    """What ``target`` and ``options`` ask for.

    A local path that exists becomes a ``file://`` URL.

    Raises:
        UsageError: the target is neither a URL nor a path that exists, or an option is given twice.
    """
    if not isinstance(target, str | os.PathLike):
        raise UsageError(f"A target is a URL or a path, not {target!r}.")
    text = os.fspath(target).strip()
    given = {name: _text(value) for name, value in options.items() if value is not None}
    url = _URL.match(text)
    if url is None:
        bare = text if _SCP.match(text) else _file_url(text)
        return Wanted(bare, name_of(bare), given)
    if url.group(1).lower() in KEEPS_QUERY or "?" not in text:
        return Wanted(text, name_of(text), given)
    bare, _, query = text.partition("?")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in given:
            raise UsageError(f"{bare}: the option {name!r} is given twice; keep one.")
        given[name] = value
    return Wanted(bare, name_of(bare), given)


def name_of(target: str) -> str:
    """A short name for ``target``: the last two parts of a URL's path, the last one of a local path."""
    scheme, found, rest = target.partition("://")
    path = (rest if found else target.rpartition(":")[2]).partition("?")[0]
    parts = [part for part in path.split("/") if part]
    kept = parts[-1:] if scheme == "file" else parts[-2:]
    return unquote("/".join(kept)).removesuffix(".git") or target


def _file_url(text: str) -> str:
    path = Path(text).expanduser()
    if not text or "\0" in text or not path.exists():
        raise UsageError(
            f"{text!r} is neither a URL nor a path that exists; write sim://acme/payments, https://HOST/OWNER/REPO, "
            "or the path of a checkout."
        )
    return path.resolve().as_uri()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
