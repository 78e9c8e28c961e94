"""The page makes the same rows of the same snapshots and events as the panel's Python side does.

Runs the page's own JavaScript under node, on generated histories and on those of real scans.

@gxp-spec SPEC-001-001 "Snapshot and apply"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanwatch import wire
from scanwatch.model import Event, target_name
from scanwatch.panel._rows import encode, encode_events
from scanwatch.snapshot import Snapshot, apply, eta_s, phase_share
from tests import strategies
from tests.gateway._peers import Rest

pytestmark = pytest.mark.needs("node")


class JavaScript:
    """The page's code in a node process that answers line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def picture(self, start: Snapshot, events: Sequence[Event]) -> Any:
        return self.ask(
            {
                "snapshot": wire.encode_snapshot(start),
                "events": [wire.to_plain(wire.encode_envelope(event)) for event in events],
            }
        )


@pytest.fixture(scope="module")
def page() -> Iterator[JavaScript]:
    command = ["node", Path(__file__).with_name("page_rows.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield JavaScript(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def as_received(start: Snapshot, events: Sequence[Event]) -> tuple[Snapshot, list[Event]]:
    """What arrives of them over the wire."""
    envelopes = [wire.to_plain(wire.encode_envelope(event)) for event in events]
    return wire.decode_snapshot(wire.encode_snapshot(start)), [wire.decode_envelope(row) for row in envelopes]


def assert_same_picture(page: JavaScript, start: Snapshot, events: Sequence[Event]) -> None:
    drawn = page.picture(start, events)
    snapshot, received = as_received(start, events)
    snapshots = [*accumulate(received, apply, initial=snapshot)]
    assert drawn["rows"] == [encode(one) for one in snapshots]
    for (share, left_s), one in zip(drawn["progress"], snapshots, strict=True):
        assert share == pytest.approx(phase_share(one))
        assert left_s == pytest.approx(None if one.updated_at is None else eta_s(one, one.updated_at), abs=0.1)
    lines = [[seq, time, words.rstrip()] for seq, time, words in encode_events(received)]
    assert [[seq, time, words.rstrip()] for seq, time, words in drawn["lines"]] == lines


@given(strategies.histories())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_scan_from_its_beginning_to_its_end(page: JavaScript, events: list[Event]) -> None:
    start = Snapshot(strategies.SCAN_ID, target="sim://acme/payments")
    assert_same_picture(page, start, events)


@given(strategies.snapshots(), st.lists(strategies.events, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_snapshot_and_any_events_after_it(page: JavaScript, start: Snapshot, events: list[Event]) -> None:
    start = start if start.terminal else replace(start, result=None)  # a result comes with the end
    assert_same_picture(page, start, events)


@pytest.mark.parametrize(
    "options",
    ["files=30&duration_s=0.2", "files=30&duration_s=0.1&fail=parse:1", "files=10&duration_s=0.05&fail=fetch"],
)
async def test_the_history_of_a_real_scan(page: JavaScript, rest: Rest, options: str) -> None:
    scan_id = await rest.scan(options)
    await rest.until_ended(scan_id)
    await check_history(page, rest, scan_id)


async def test_the_history_of_a_cancelled_scan(page: JavaScript, rest: Rest) -> None:
    scan_id = await rest.scan("files=50&duration_s=30")
    while (await rest.get(wire.paths.scan(scan_id)))["phase"] in {None, "queued"}:
        await asyncio.sleep(0.02)
    await rest.ask("POST", wire.paths.cancel(scan_id))
    assert (await rest.until_ended(scan_id))["status"] == "cancelled"
    await check_history(page, rest, scan_id)


async def check_history(page: JavaScript, rest: Rest, scan_id: str) -> None:
    answer = await rest.get(wire.paths.events(scan_id))
    events, following = wire.decode_events_page(answer)
    assert following is None
    assert_same_picture(page, Snapshot(scan_id, target="sim://acme/real"), events)


TARGETS = [
    "sim://acme/payments?files=3#x",
    "git@github.com:acme/payments.git",
    "https://github.com/acme/payments.git",
    "https://host",
    "https://host/",
    "file:///srv/checkouts/payments",
    "C:\\work\\payments",
    "/srv/payments/",
    "./payments",
    "ssh://git@host:22/a/b/c.git",
    "://",
    "?",
    "sim:///",
    "file:///srv/%E6%97%A5%E6%9C%AC/%E8%AA%9E",
    "file:///srv/payments/.git",
    "sim://a/%E6%97%zz%ff%EF%BB%BFx%2fy",
    "%",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_called_the_same(page: JavaScript, target: str) -> None:
    assert page.ask({"target": target}) == target_name(target)


@given(st.text(st.sampled_from("ab:/\\?#.@ ~g it-é%2E9"), min_size=1, max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_target_is_called_the_same(page: JavaScript, target: str) -> None:
    assert page.ask({"target": target}) == target_name(target)
