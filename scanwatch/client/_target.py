"""What a person asks to be scanned, as a gateway wants it: the target, its name, and the scan's options."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from urllib.parse import parse_qsl

from .._credentials import refuse_credentials
from ..errors import UsageError
from ..model import target_name

KEEPS_QUERY = frozenset({"http", "https", "ssh", "git", "file"})
"""Schemes whose query belongs to the address; in any other the query holds options of the scan."""

NAME_LENGTH = 200
"""The longest name of a repository that gateways take."""

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
        UsageError: the target has a password or a token in its URL, or is neither a URL nor a path that exists; an
            option is given twice, or is no text, number, truth value or path.
    """
    if not isinstance(target, str | os.PathLike):
        raise UsageError(f"A target is a URL or a path, not {target!r}.")
    path = os.fspath(target)
    if not isinstance(path, str):
        raise UsageError(f"A target is a URL or a path of text, not {path!r}; os.fsdecode() makes text of it.")
    text = _sendable("The target", path.strip())
    refuse_credentials(text)
    given = option_texts(options)
    url = _URL.match(text)
    if url is None:
        bare = text if _SCP.match(text) else _file_url(text)
        return Wanted(bare, repository_name(bare), given)
    if url.group(1).lower() in KEEPS_QUERY or "?" not in text:
        return Wanted(text, repository_name(text), given)
    bare, _, query = text.partition("?")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in given:
            raise UsageError(f"{bare}: the option {name!r} is given twice; keep one.")
        given[name] = value
    return Wanted(bare, repository_name(bare), given)


def option_texts(options: Mapping[str, object]) -> dict[str, str]:
    """The values of options as text, without those that are ``None``.

    Raises:
        UsageError: one is no text, number, truth value or path.
    """
    return {name: _text(name, value) for name, value in options.items() if value is not None}


def repository_name(target: str) -> str:
    """The name ``target`` is registered under: what people call it, cut in the middle where that is too long."""
    name = target_name(target)
    if len(name) <= NAME_LENGTH:
        return name
    kept = NAME_LENGTH - 1
    return f"{name[: kept - kept // 2]}…{name[-(kept // 2) :]}"


def _file_url(text: str) -> str:
    path = Path(text).expanduser()
    if not text or not os.path.exists(path):  # Path.exists raises for a name that is too long
        raise UsageError(
            f"{text!r} is neither a URL nor a path that exists; write sim://acme/payments, https://HOST/OWNER/REPO, "
            "or the path of a checkout."
        )
    return path.resolve().as_uri()


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str | Real):  # Real: the numbers of numpy and pandas are numbers, too
        raise UsageError(f"The option {name!r} is {value!r}; it can be text, a number, True or False, or a path.")
    return _sendable(f"The option {name!r}", str(value))


def _sendable(what: str, text: str) -> str:
    """``text``, if it is Unicode: a shell or a file system may hand over bytes that are not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{what} is {text!r}, which is not text in UTF-8 and cannot be sent; write it in UTF-8, or rename it."
        ) from None
    return text
