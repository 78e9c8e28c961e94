"""Events as bytes: the packet Socket.IO makes of one, and the frame in which a websocket carries it."""

from __future__ import annotations

import json
import struct

from ... import wire
from ._lines import Payload

EVENT = f"2{wire.NAMESPACE},"
"""How the packet of an event of the namespace begins."""

_TEXT = 0x81
_SHORT, _LONG = 126, 1 << 16
_head2, _head4, _head10 = struct.Struct("!BB").pack, struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack
_encode = json.JSONEncoder(separators=(",", ":")).encode


def event_text(name: str, payload: Payload) -> str:
    """The Socket.IO packet of an event of the namespace, as the library encodes it."""
    return EVENT + _encode([name, payload])


def frame(data: bytes) -> bytes:
    """The websocket frame of a text, unmasked as a server's is."""
    size = len(data)
    if size < _SHORT:
        return _head2(_TEXT, size) + data
    if size < _LONG:
        return _head4(_TEXT, 126, size) + data
    return _head10(_TEXT, 127, size) + data
