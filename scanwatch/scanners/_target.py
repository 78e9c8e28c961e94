"""Targets: which scheme they have, and the options in their query. Text only, nothing is looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..errors import ScannerError
from ._base import Task

PATH = "path"
"""The scheme of a plain local path."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//)")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def scheme_of(target: str) -> str:
    """The scheme of ``target`` in lower case: ``path`` for a local path, ``ssh`` for ``git@host:name``."""
    if _DRIVE.match(target):
        return PATH
    if url := _URL.match(target):
        return url.group(1).lower()
    return "ssh" if _SCP.match(target) else PATH


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """``target`` without its query, and the query's options; a local path has none.

    Raises:
        ScannerError: an option is given twice.
    """
    if scheme_of(target) == PATH or "?" not in target:
        return target, {}
    bare, _, query = target.partition("?")
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in options:
            raise ScannerError(
                f"{bare}: the option {name!r} is given twice; keep one.", code="invalid", retryable=False
            )
        options[name] = value
    return bare, options


def options_of(task: Task) -> tuple[str, Mapping[str, Any]]:
    """The target without its query, and the query's options overridden by the request's own."""
    bare, options = split_target(task.target)
    return bare, {**options, **task.options}
