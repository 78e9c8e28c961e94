"""What is malformed on the wire is refused with words that name it; what is merely new is let through.

@gxp-spec SPEC-001-002 "Wire protocol, both dialects"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch import wire
from scanwatch.errors import WireError
from scanwatch.model import EventKind
from tests.strategies import SCAN_ID as ID

NAME = f"scan:{ID}:progress"
GOOD: dict[str, Any] = {"scanId": ID, "progress": 10, "status": "x", "timestamp": "2026-11-22T22:45:09.562Z"}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"progress": "ten"}, "progress"),
        ({"progress": 101}, "0-100"),
        ({"progress": -1}, "0-100"),
        ({"timestamp": "yesterday"}, "yesterday"),
        ({"timestamp": 5}, "timestamp"),
        ({"scanId": "another"}, "another"),
        ({"seq": 0}, "seq"),
        ({"seq": "1"}, "seq"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_malformed_payload_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(WireError, match=named):
        wire.decode_event(NAME, GOOD | changes)


@pytest.mark.parametrize("key", ["scanId", "progress", "status", "timestamp"])
def test_a_missing_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(WireError, match=key):
        wire.decode_event(NAME, {k: v for k, v in GOOD.items() if k != key})


def test_extra_arguments_keys_and_words_are_let_through() -> None:
    event = wire.decode_event(NAME, {**GOOD, "phase": "polish", "colour": "blue", "code": "bored"}, "extra", 7)
    assert event.kind is EventKind.PROGRESS
    assert (event.phase, event.code, event.step) == (None, None, "x")


def test_an_event_without_a_payload_is_refused() -> None:
    with pytest.raises(WireError, match="no payload"):
        wire.decode_event(NAME)


@pytest.mark.parametrize("name", ["scan:progress", "scan:a:b:progress", "scan::progress", "message", "scan:1:done", ""])
def test_other_names_are_no_scan_events(name: str) -> None:
    assert wire.parse_event_name(name) is None
    with pytest.raises(WireError):
        wire.decode_event(name, GOOD)


@given(st.sampled_from(["progress", "complete", "failed"]), anything)
def test_whatever_arrives_is_an_event_or_a_wire_error(kind: str, payload: Any) -> None:
    try:
        wire.decode_event(f"scan:{ID}:{kind}", payload)
    except WireError as error:
        assert str(error)


@pytest.mark.parametrize(
    "decode",
    [
        wire.decode_scan,
        wire.decode_repository,
        wire.decode_page,
        wire.decode_snapshot,
        wire.decode_acknowledgement,
        wire.decode_events_page,
        wire.decode_subscribe,
        wire.decode_artifact,
        wire.decode_finding,
    ],
)
@given(data=anything)
def test_every_decoder_answers_with_a_record_or_a_wire_error(decode: Any, data: Any) -> None:
    try:
        decode(data)
    except WireError as error:
        assert str(error)


def test_a_subscription_to_nothing_is_refused() -> None:
    with pytest.raises(WireError, match="scanIds"):
        wire.decode_subscribe({})
    with pytest.raises(WireError, match="after"):
        wire.decode_subscribe({"all": True, "after": {ID: -1}})


def test_error_answers_are_read_in_all_their_shapes() -> None:
    assert wire.error_words({"message": "gone", "statusCode": 404}) == "gone"
    assert wire.error_words({"message": ["a", "b"]}) == "a; b"
    assert wire.error_words("<html>") is None
