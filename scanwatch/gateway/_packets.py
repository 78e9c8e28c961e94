"""What clients say on the socket, looked at before the libraries see it: they raise where nonsense is to be refused.

A client that talks nonsense is cut off, as the reference does with a packet it cannot parse.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from socketio import packet

RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})
"""Names that no event of a client may have: the library would take some for what it says itself."""
NO_PACKET = (ValueError, TypeError, KeyError, IndexError, RecursionError)
"""What the libraries raise for what is no packet."""

PACKETS_OF_A_POLL = 16
"""More in one the library refuses."""

_SEPARATOR = "\x1e"
_CLOSE, _PONG, _MESSAGE = "1", "3", "4"


class Sense(Enum):
    """What is to be done with a message."""

    HEED = "heed"
    IGNORE = "ignore"
    NONE = "none"
    """It makes no sense: whoever sent it is cut off."""


def sense_of(message: Any) -> Sense:
    """What to do with an Engine.IO message: only whole packets of text that clients may send are heeded.

    Binary ones would have the library keep attachments for as long as they come, and nothing we are told has any.
    """
    if not isinstance(message, str) or not message:
        return Sense.NONE
    try:
        said = packet.Packet(encoded_packet=message)
    except NO_PACKET:
        return Sense.NONE
    if said.packet_type in (packet.CONNECT, packet.DISCONNECT):
        return Sense.HEED
    if said.packet_type == packet.ACK:
        return Sense.IGNORE  # nothing we send asks for one
    if said.packet_type == packet.EVENT and _has_a_name(said.data):
        return Sense.HEED
    return Sense.NONE


def is_poll(body: bytes) -> bool:
    """Whether the body of a poll holds packets that clients send."""
    try:
        packets = body.decode().split(_SEPARATOR) if body else []
    except UnicodeDecodeError:
        return False
    return len(packets) <= PACKETS_OF_A_POLL and all(map(_is_of_a_poll, packets))


def _is_of_a_poll(text: str) -> bool:
    kind, said = text[:1], text[1:]
    return kind in (_CLOSE, _PONG) or (kind == _MESSAGE and sense_of(said) is not Sense.NONE)


def _has_a_name(said: Any) -> bool:
    return isinstance(said, list) and bool(said) and isinstance(said[0], str) and said[0] not in RESERVED
