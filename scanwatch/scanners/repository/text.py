"""Foreign bytes as text that is safe to store, to send and to show."""

from __future__ import annotations

import unicodedata

MAX_TEXT = 2000
"""Characters kept of any one piece of foreign text."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that cannot be seen or change how the rest is seen: controls, bidi marks, surrogates."""


def legible(raw: str | bytes, limit: int = MAX_TEXT) -> str:
    r"""``raw`` on one line of at most ``limit`` characters; what cannot be seen becomes an escape (``\x1b``)."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    if not text.isprintable():
        text = "".join(_escaped(character) for character in text[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def path_text(path: bytes) -> str:
    r"""A path of a commit as text; what is hidden in it is an escape, tabs too, so that no two look alike.

    Only a path with a backslash of its own could pass for one with an escape.
    """
    try:
        text = str(path, "utf-8")
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and 0 < len(text) <= MAX_TEXT:  # nearly every path there is, and there may be a million
        return text
    if len(path) > MAX_TEXT:  # its ends say most: where it is, and what language it is in
        path = path[: MAX_TEXT // 2] + "…".encode() + path[-MAX_TEXT // 2 :]
    shown = path if is_clear(path) else path.replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return legible(shown, limit=5 * MAX_TEXT)  # room for every byte as an escape


def _escaped(character: str) -> str:
    if character in "\t\n\r":
        return " "
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def is_clear(path: bytes) -> bool:
    """Whether a path is UTF-8 without anything hidden, so that it can be shown as it is."""
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() or not any(unicodedata.category(character) in _HIDDEN for character in text)
