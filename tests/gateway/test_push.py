"""Watchers get what they asked for, in order, each event once.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig
from tests.gateway._peers import Rest, Watcher, deaf, watching

pytestmark = pytest.mark.parametrize("fast_path", [True, False], ids=["fast", "library"])
"""Every promise holds on the fast path and on the library's own."""

UNKNOWN = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"


def replayed(answer: dict[str, Any], index: int = 0) -> list[int]:
    return [row["payload"]["seq"] for row in answer["scans"][index]["events"]]


async def test_a_scanwatch_client_is_greeted_first_and_hears_nothing_more_until_it_subscribes(
    gateway: Gateway, rest: Rest
) -> None:
    async with watching(gateway.url) as watcher:
        await rest.until_ended(await rest.scan("files=5&duration_s=0.05"))
        await watcher.call(wire.UNSUBSCRIBE, {"all": True})
        assert [name for name, _ in watcher.heard] == [wire.GATEWAY]
        hello = watcher.heard[0][1]
        assert (hello["name"], hello["protocol"]) == ("scanwatch", 1)
        assert hello["workers"] == gateway.config.concurrency
        age = datetime.now(UTC) - wire.from_time(hello["time"])
        assert timedelta(seconds=-1) < age < timedelta(minutes=1)


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
async def test_a_field_client_gets_every_event_of_every_scan_in_order_without_asking(
    gateway: Gateway, rest: Rest, transports: list[str]
) -> None:
    async with watching(gateway.url, field=True, transports=transports) as watcher:
        scans = [await rest.scan("files=10&duration_s=0.1") for _ in range(2)]
        await watcher.until(lambda: all(map(watcher.ended, scans)))
        for scan in scans:
            assert watcher.seqs(scan) == [event["seq"] for event in await rest.history(scan)]
            assert watcher.seqs(scan) == list(range(1, len(watcher.seqs(scan)) + 1))
        assert all(name.startswith("scan:") for name, _ in watcher.heard)


async def test_two_clients_that_watch_different_scans_do_not_get_each_others(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as first, watching(gateway.url) as second:
        one, other = await rest.scan(), await rest.scan()
        await first.subscribe(one)
        await second.subscribe(other)
        await first.until(lambda: first.ended(one))
        await second.until(lambda: second.ended(other))
        assert {event["scanId"] for event in first.events} == {one}
        assert {event["scanId"] for event in second.events} == {other}


async def test_a_client_that_joins_late_has_the_whole_history(gateway: Gateway, rest: Rest) -> None:
    scan = await rest.scan()
    async with watching(gateway.url) as watcher:
        await asyncio.sleep(0.03)
        answer = await watcher.subscribe(scan)
        await watcher.until(lambda: watcher.ended(scan))
        assert answer["scans"][0]["snapshot"]["seq"] == len(replayed(answer))
        assert replayed(answer) + watcher.seqs(scan) == [event["seq"] for event in await rest.history(scan)]


async def test_a_client_that_joins_after_the_end_sees_the_end(gateway: Gateway, rest: Rest) -> None:
    scan = await rest.scan("files=5&duration_s=0.05")
    await rest.until_ended(scan)
    async with watching(gateway.url) as watcher:
        snapshot = (await watcher.subscribe(scan))["scans"][0]["snapshot"]
        assert (snapshot["status"], snapshot["progress"]) == ("completed", 100)
        assert snapshot["target"].startswith("sim://acme/")


async def test_a_cursor_brings_only_what_came_after_it(gateway: Gateway, rest: Rest) -> None:
    scan = await rest.scan("files=5&duration_s=0.05")
    last = (await rest.until_ended(scan))["seq"]
    async with watching(gateway.url) as watcher:
        assert replayed(await watcher.subscribe(scan, after={scan: 4})) == list(range(5, last + 1))
        assert replayed(await watcher.subscribe(scan, after={scan: last})) == []
        assert replayed(await watcher.subscribe(scan, after={scan: last + 100})) == []


async def test_joining_at_any_moment_brings_every_event_exactly_once(gateway: Gateway, rest: Rest) -> None:
    moments = random.Random(7)
    repository = await rest.register("sim://acme/often?files=60&duration_s=0.4&quirk=burst")
    async with AsyncExitStack() as connections:
        watchers = [await connections.enter_async_context(watching(gateway.url)) for _ in range(25)]
        scan = await rest.trigger(repository)
        pilot = await connections.enter_async_context(watching(gateway.url))
        await pilot.subscribe(scan)

        async def join(watcher: Watcher) -> list[int]:
            moment = moments.randrange(300)
            await pilot.until(lambda: len(pilot.seqs(scan)) > moment or pilot.ended(scan))
            answer = await watcher.subscribe(scan)
            assert not answer["more"]
            if not answer["scans"][0]["snapshot"]["result"]:
                await watcher.until(lambda: watcher.ended(scan))
            return replayed(answer)

        before = await asyncio.gather(*map(join, watchers))
        whole = [event["seq"] for event in await rest.history(scan)]
        assert whole == list(range(1, len(whole) + 1))
        assert len(whole) > 300
        assert [seqs + watcher.seqs(scan) for seqs, watcher in zip(before, watchers, strict=True)] == [whole] * 25
        assert len({len(seqs) for seqs in before}) > 1, "they should have joined at different moments"


async def test_leaving_and_coming_back_while_it_runs_loses_and_repeats_nothing(gateway: Gateway, rest: Rest) -> None:
    repository = await rest.register("sim://acme/often?files=100&duration_s=0.5&quirk=burst")
    async with watching(gateway.url) as watcher:
        scan = await rest.trigger(repository)
        known: list[int] = []
        visits = 0
        while not watcher.ended(scan):
            answer = await watcher.subscribe(scan, after={scan: len(known)})
            known += replayed(answer)
            visits += 1
            if answer["scans"][0]["snapshot"]["result"]:
                break
            await asyncio.sleep(0.01)
            await watcher.call(wire.UNSUBSCRIBE, {"scanIds": [scan]})
            known += watcher.seqs(scan)
            if not watcher.ended(scan):
                watcher.heard.clear()
        assert known == [event["seq"] for event in await rest.history(scan)]
        assert visits > 2


async def test_after_unsubscribing_nothing_comes(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as watcher:
        scan = await rest.scan()
        await watcher.subscribe(scan)
        await watcher.until(lambda: bool(watcher.events))
        assert await watcher.call(wire.UNSUBSCRIBE, {"scanIds": [scan]}) == {"ok": True}
        watcher.heard.clear()
        await rest.until_ended(scan)
        assert watcher.heard == []


async def test_all_tells_of_what_runs_what_ended_and_what_is_created_later(gateway: Gateway, rest: Rest) -> None:
    ended = await rest.scan("files=5&duration_s=0.05")
    await rest.until_ended(ended)
    running = await rest.scan("files=20&duration_s=0.4")
    async with watching(gateway.url) as watcher:
        answer = await watcher.subscribe(all=True)
        told = {scan["scanId"]: scan for scan in answer["scans"]}
        assert told.keys() == {ended, running}
        assert told[ended]["snapshot"]["status"] == "completed"
        assert told[running]["snapshot"]["target"].startswith("sim://acme/")
        assert told[running]["events"] == told[ended]["events"] == []
        later = await rest.scan("files=5&duration_s=0.05")
        await watcher.until(lambda: watcher.ended(later) and watcher.ended(running))
        assert watcher.seqs(later)[0] == 1
        seen = told[running]["snapshot"]["seq"]
        assert watcher.seqs(running)[0] == seen + 1
        assert not watcher.seqs(ended)


async def test_a_client_in_two_rooms_gets_each_event_once(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as watcher:
        scan = await rest.scan()
        await watcher.subscribe(scan, all=True)
        await watcher.until(lambda: watcher.ended(scan))
        assert len(set(watcher.seqs(scan))) == len(watcher.seqs(scan))


async def test_a_long_replay_stays_small_and_says_more(gateway: Gateway, rest: Rest) -> None:
    scan = await rest.scan("files=900&duration_s=0.05&quirk=burst")
    last = (await rest.until_ended(scan))["seq"]
    async with watching(gateway.url) as watcher:
        answer = await watcher.subscribe(scan)
        seqs = replayed(answer)
        assert answer["more"]
        assert answer["scans"][0]["snapshot"]["seq"] == last > len(seqs)
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(wire_size(answer)) < 256 * 1024
        assert [event["seq"] for event in (await rest.history(scan))[len(seqs) :]] == list(
            range(len(seqs) + 1, last + 1)
        )


def wire_size(answer: dict[str, Any]) -> str:

    return json.dumps(answer)


async def test_a_retried_attempt_is_not_a_failure_for_field_clients(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url, field=True) as watcher:
        scan = await rest.scan("files=5&duration_s=0.05&fail=fetch:1")
        await watcher.until(lambda: watcher.ended(scan))
        names = [name.rpartition(":")[2] for name, _ in watcher.heard]
        assert names.count("failed") == 0
        assert names[-1] == "complete"
        assert "retrying" in [event.get("status") for event in watcher.events]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((), "invalid"),
        ((None,), "invalid"),
        (("scan",), "invalid"),
        (([],), "invalid"),
        (({},), "invalid"),
        (({"scanIds": []},), "invalid"),
        (({"scanIds": "x"},), "invalid"),
        (({"scanIds": [5]},), "invalid"),
        (({"scanIds": ["not-an-id"]},), "invalid"),
        (({"all": "yes"},), "invalid"),
        (({"scanIds": [UNKNOWN], "after": {UNKNOWN: -1}},), "invalid"),
        (({"scanIds": [UNKNOWN], "after": []},), "invalid"),
        (({"scanIds": [UNKNOWN] * 1001},), "limit"),
        (({"scanIds": [UNKNOWN]},), "not_found"),
    ],
)
async def test_a_malformed_request_is_answered_with_what_is_wrong(
    gateway: Gateway, said: tuple[Any, ...], code: str
) -> None:
    async with watching(gateway.url) as watcher:
        answer = await watcher.call(wire.SUBSCRIBE, said if said else None)
        assert (answer["ok"], answer["code"]) == (False, code)
        assert answer["message"]
        assert (await watcher.subscribe(all=True))["ok"]


async def test_an_id_counts_however_it_is_spelt_on_the_socket_as_over_rest(gateway: Gateway, rest: Rest) -> None:
    scan = await rest.scan("files=3&duration_s=0.02")
    await rest.until_ended(scan)
    async with watching(gateway.url) as watcher:
        answer = await watcher.subscribe(scan.upper(), after={scan.upper(): 2})
    assert [one["scanId"] for one in answer["scans"]] == [scan]
    assert answer["scans"][0]["events"][0]["payload"]["seq"] == 3


async def test_an_unknown_scan_among_others_joins_none_of_them(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as watcher:
        scan = await rest.scan()
        assert (await watcher.subscribe(scan, UNKNOWN))["code"] == "not_found"
        await rest.until_ended(scan)
        assert watcher.events == []


async def test_a_watcher_that_goes_away_leaves_the_others_undisturbed(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as stays:
        scan = await rest.scan()
        async with watching(gateway.url) as leaves:
            await leaves.subscribe(scan)
            await stays.subscribe(scan)
        await stays.until(lambda: stays.ended(scan))
        assert stays.events[-1]["result"]["status"] == "completed"


NONSENSE: list[str | bytes] = [
    *("", "4", "9", "42", "42/ws,", "42/ws,[]", '42/ws,["subscribe"', '42/ws,{"a":1}', "42/ws,[null]"),
    *("45/ws,", '451-/ws,["subscribe",{"_placeholder":true,"num":7}]', "43/ws,1[]", "41/ws,", "40/ws,{"),
    "4" + "[" * 50_000,
    b"\x00\xff",
]


@pytest.mark.parametrize("frame", NONSENSE)
async def test_frames_that_make_no_sense_harm_nobody_else(gateway: Gateway, rest: Rest, frame: str | bytes) -> None:
    async with watching(gateway.url) as watcher:
        socket = await rest.session.ws_connect(f"{gateway.url}/socket.io/?EIO=4&transport=websocket")
        await socket.send_str(f'40/ws,{{"protocol":{wire.PROTOCOL}}}')
        await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        scan = await rest.scan("files=2&duration_s=0.02")
        await watcher.subscribe(scan)
        assert (await rest.until_ended(scan))["status"] == "completed"
        await socket.close()
        assert (await watcher.subscribe(all=True))["ok"]


async def test_clients_that_stop_reading_or_break_off_hold_up_nobody(
    gateway: Gateway, rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(gateway.url) as reads, aiohttp.ClientSession() as session, deaf(session, gateway.url):
        async with deaf(session, gateway.url):
            scan = await rest.scan("files=300&duration_s=0.2&quirk=burst")
            await reads.subscribe(scan)
            await reads.until(lambda: len(reads.events) > 300)
        await reads.until(lambda: reads.ended(scan))
        assert reads.seqs(scan)[-1] == (await rest.until_ended(scan))["seq"]
        assert caplog.records == []


async def test_a_gateway_stops_at_once_with_clients_that_do_not_let_go(fast_path: bool) -> None:
    config = GatewayConfig(port=0, store="memory:", max_events_per_s=0, fast_path=fast_path)
    async with (
        aiohttp.ClientSession() as session,
        Gateway(config) as gateway,
        deaf(session, gateway.url),
        watching(gateway.url) as watcher,
    ):
        scan = await Rest(session, gateway.url).scan("files=500&duration_s=0.2&quirk=burst")
        await watcher.subscribe(scan)
        await watcher.until(lambda: len(watcher.events) > 500)
        begun = time.monotonic()
        await gateway.__aexit__(None, None, None)
        assert time.monotonic() - begun < 10  # a bound against hanging; benchmarks measure
