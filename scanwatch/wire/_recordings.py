"""A recording: what a client received from a gateway, one JSON object a line, in the order in which it came.

::

    {"kind": "socket", "t_ms", "what": connect|disconnect}
    {"kind": "event",  "t_ms", "name", "args": [...]}                           as received on the namespace
    {"kind": "answer", "t_ms", "name", "request", "response"}                   an acknowledgement (our gateways)
    {"kind": "rest",   "t_ms", "method", "path", "status", "request", "response"}
    {"kind": "note",   "t_ms", "what"}                                          about the recording itself

``t_ms`` are milliseconds since the recording began; where they go back, another recording was appended. An answer to a
repeated ``GET`` is there only when it changed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import WireError


class RecordedLine(msgspec.Struct, tag_field="kind", kw_only=True, omit_defaults=True):
    """The base of all lines."""

    t_ms: float


class RecordedSocket(RecordedLine, tag="socket", kw_only=True):
    """The push connection came up, or went."""

    what: str


class RecordedEvent(RecordedLine, tag="event", kw_only=True):
    """Something came over the socket, whether or not it is an event of a scan."""

    name: str
    args: list[Any] = []


class RecordedAnswer(RecordedLine, tag="answer", kw_only=True):
    """A request over the socket was acknowledged."""

    name: str
    request: Any = None
    response: Any = None


class RecordedRest(RecordedLine, tag="rest", kw_only=True):
    """A request over HTTP was answered."""

    method: str
    path: str
    status: int
    request: Any = None
    response: Any = None


class RecordedNote(RecordedLine, tag="note", kw_only=True):
    """Words about the recording itself: what it lacks."""

    what: str


Recorded = RecordedSocket | RecordedEvent | RecordedAnswer | RecordedRest | RecordedNote

_decoder = msgspec.json.Decoder(Recorded)


def encode_recorded(line: Recorded) -> bytes:
    """A line of a recording, without its end."""
    return msgspec.json.encode(line)


def decode_recorded(text: bytes) -> Recorded:
    """A line of a recording.

    Raises:
        WireError: it is no JSON, or not of the kinds there are; the message says what is wrong.
    """
    try:
        line: Recorded = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"no line of a recording: {error}") from None
    return line
