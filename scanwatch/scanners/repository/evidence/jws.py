"""A compact JSON Web Signature taken apart: bounded, and without believing a word of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

MAX_HEADER_BYTES = 8 * 1024


class MalformedJws(Exception):
    """Why a text is no compact JWS over a JSON object."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A signature as written: whether it holds is for whoever has a key to say."""

    text: str
    header: Mapping[str, Any]
    payload: Mapping[str, Any]

    @property
    def algorithm(self) -> str | None:
        """What the header says of the algorithm."""
        value = self.header.get("alg")
        return value if isinstance(value, str) else None

    @property
    def key_id(self) -> str | None:
        """What the header says of the key."""
        value = self.header.get("kid")
        return value if isinstance(value, str) else None


def parse_jws(raw: bytes) -> Jws:
    """Take a compact JWS apart.

    Raises:
        MalformedJws: it is none, or not one over a JSON object.
    """
    try:
        text = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        raise MalformedJws("it holds other characters than base64url") from None
    if not text:
        raise MalformedJws("it is empty, too large, or a link")
    parts = text.split(".")
    if len(parts) != 3:
        raise MalformedJws(f"it has {len(parts)} parts, not three with dots between")
    if len(parts[0]) > MAX_HEADER_BYTES:
        raise MalformedJws("its header is too long")
    header, payload = _object(parts[0], "header"), _object(parts[1], "payload")
    _bytes(parts[2], "signature")
    if "crit" in header or "b64" in header:
        raise MalformedJws("its header demands an extension (crit or b64) that is not understood")
    return Jws(text, header, payload)


def _object(part: str, what: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(_bytes(part, what), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise MalformedJws(f"its {what} is not a JSON object") from None


def _bytes(part: str, what: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedJws(f"its {what} is not base64url") from None
