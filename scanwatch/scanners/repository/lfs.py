"""Pointers of git's large-file storage: what a commit holds in place of contents that are elsewhere."""

from __future__ import annotations

import re

_START = b"version https://git-lfs.github.com/spec/v1\n"
_MAX_BYTES = 1024
"""What the format allows is less."""
_CONTENTS = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)


def is_pointer(blob: bytes) -> bool:
    """Whether a blob is a pointer."""
    return blob.startswith(_START) and len(blob) <= _MAX_BYTES


def digest_of_contents(blob: bytes) -> str | None:
    """The SHA-256 of what a blob points to; ``None`` if it is no pointer."""
    named = _CONTENTS.search(blob) if is_pointer(blob) else None
    return named[1].decode("ascii") if named else None
