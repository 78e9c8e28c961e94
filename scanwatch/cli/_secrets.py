"""A password that was typed into a store's URL is taken out of the command line, which everybody on a machine can read.

The process starts itself anew, under the same pid, with the URL in its environment, which its own user alone can read.
Better is to type none: ``SCANWATCH_STORE``, or ``store`` in a file given with ``--config``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .._credentials import without_credentials

VARIABLE = "SCANWATCH_STORE"
FLAG = "--store"
LASTING = ("serve", "worker")
"""The commands that run for long, and take their store from the environment."""


def hide_typed_secrets(words: Sequence[str]) -> None:
    """Start anew without the store's URL on the command line if it holds a user or a password; else do nothing."""
    kept, url = without_store(words)
    if not words or words[0] not in LASTING or url is None or without_credentials(url) == url or os.name == "nt":
        return
    before = sys.orig_argv[: len(sys.orig_argv) - len(words)]
    os.execve(sys.executable, [*before, *kept], {**os.environ, VARIABLE: url})  # noqa: S606  ourselves, as we were


def without_store(words: Sequence[str]) -> tuple[list[str], str | None]:
    """``words`` without the store's flag, and its last value."""
    kept: list[str] = []
    url: str | None = None
    left = iter(words)
    for word in left:
        if word == FLAG:
            url = next(left, None)
        elif word.startswith(f"{FLAG}="):
            url = word.removeprefix(f"{FLAG}=")
        else:
            kept.append(word)
    return kept, url
