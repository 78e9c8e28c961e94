"""Nothing is unbounded: every limit has a clear answer, and whoever keeps within it notices none.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys

import pytest

from scanwatch import wire
from scanwatch.errors import ConfigurationError
from scanwatch.gateway import GatewayConfig
from scanwatch.gateway._limits import REMEMBERED, Pace, Places
from scanwatch.testing import FakeClock
from tests.gateway._access import TOKEN, calling, guarded, make_key
from tests.gateway._peers import watching

paths = wire.paths
QUICK = "files=5&duration_s=0.05"
STUCK = "files=5&duration_s=0.05&stall=fetch"


def test_a_pace_lets_a_minutes_worth_pass_at_once_and_then_one_at_a_time() -> None:
    clock = FakeClock()
    pace = Pace(6, clock.monotonic)
    assert [pace.wait_s("ada") for _ in range(6)] == [0] * 6
    assert pace.wait_s("ada") == pytest.approx(10)
    assert pace.wait_s("bo") == 0
    clock.advance(4)
    assert pace.wait_s("ada") == pytest.approx(6)
    clock.advance(6)
    assert [pace.wait_s("ada"), pace.wait_s("ada")] == [0, pytest.approx(10)]
    clock.advance(3600)
    assert [pace.wait_s("ada") for _ in range(7)] == [0, 0, 0, 0, 0, 0, pytest.approx(10)]


def test_a_pace_remembers_so_many_callers_and_no_more() -> None:
    pace = Pace(1, FakeClock().monotonic)
    for number in range(REMEMBERED + 5):
        pace.wait_s(str(number))
    assert len(pace._buckets) == REMEMBERED
    assert pace.wait_s(str(REMEMBERED)) > 0
    assert pace.wait_s("0") == 0


def test_a_pace_of_zero_sets_no_limit() -> None:
    pace = Pace(0, FakeClock().monotonic)
    assert [pace.wait_s("ada") for _ in range(1000)] == [0] * 1000


def test_places_are_counted_for_each_caller_and_given_back_once() -> None:
    places = Places(2)
    assert [places.take("ada", "1"), places.take("ada", "2"), places.take("ada", "3")] == [True, True, False]
    assert places.take("bo", "4")
    for _ in range(3):
        places.give_back("1")
    places.give_back("unknown")
    assert [places.take("ada", "5"), places.take("ada", "6")] == [True, False]


async def test_a_token_that_asks_too_often_is_told_when_to_come_back() -> None:
    async with guarded(max_requests_per_minute=5) as (gateway, admin):
        key = (await make_key(admin))["token"]
        async with calling(gateway.url, key) as ada:
            for _ in range(5):
                await ada.get(paths.scans)
            async with ada.session.get(f"{gateway.url}/{paths.scans}") as answer:
                said = await answer.json()
                assert (answer.status, said["statusCode"]) == (429, 429)
                assert 1 <= int(answer.headers["Retry-After"]) <= 12
            assert (await ada.get(paths.health))["status"] == "ok"
        assert (await admin.get(paths.scans))["data"] == []


async def test_whoever_tries_tokens_has_to_wait() -> None:
    async with guarded() as (gateway, admin), calling(gateway.url, "wrong") as stranger:
        statuses = [(await stranger.ask("GET", paths.scans))[0] for _ in range(130)]
        assert (statuses[0], statuses[-1]) == (401, 429)
        assert (await admin.get(paths.scans))["data"] == []


async def test_a_client_that_asks_too_often_on_the_socket_is_told_to_wait() -> None:
    async with guarded(max_requests_per_minute=5) as (gateway, admin):
        key = (await make_key(admin))["token"]
        async with watching(gateway.url, token=key) as ada, watching(gateway.url, token=TOKEN) as other:
            for _ in range(5):
                assert (await ada.subscribe(all=True))["ok"]
            for name in (wire.SUBSCRIBE, wire.UNSUBSCRIBE):
                answer = await ada.call(name, {"all": True})
                assert (answer["ok"], answer["code"], "wait" in answer["message"]) == (False, "limit", True)
            assert (await other.subscribe(all=True))["ok"]


async def test_a_packed_body_is_not_unpacked() -> None:
    async with guarded() as (_, admin):
        packed = gzip.compress(b'{"name": "x", "gitUrl": "sim://acme/x"}')
        headers = {"Content-Encoding": "gzip"}
        status, answer = await admin.ask("POST", paths.repositories, data=packed, headers=headers)
        assert (status, "JSON" in answer["message"]) == (400, True)


def test_a_gateway_may_open_as_many_sockets_as_it_promises() -> None:
    limits = "import resource; soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)"
    lowered = "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))"
    allow = "from scanwatch.gateway._app import _allow_sockets; _allow_sockets(min(600, hard))"
    told = "print(resource.getrlimit(resource.RLIMIT_NOFILE) == (min(600, hard), hard))"
    code = "\n".join([limits, lowered, allow, told])
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


async def test_a_token_may_have_so_many_unfinished_scans() -> None:
    async with guarded(max_scans_per_token=2) as (gateway, admin):
        repository = await admin.register(f"sim://acme/one?{STUCK}")
        scans = [await admin.trigger(repository) for _ in range(2)]
        async with admin.session.post(f"{gateway.url}/{paths.trigger(repository)}") as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
            assert "unfinished" in (await answer.json())["message"]
        assert (await admin.get(paths.scans))["pagination"]["total"] == 2
        bo = (await make_key(admin, "bo", role="operator"))["token"]
        async with calling(gateway.url, bo) as other:
            scans.append(await other.trigger(repository))
        await admin.ask("POST", paths.cancel(scans[0]))
        await admin.until_ended(scans[0])
        await admin.trigger(repository)
        await admin.ask("DELETE", paths.repository(repository))
        await admin.until_ended(await admin.scan(QUICK))


async def test_a_body_that_is_too_large_is_413() -> None:
    async with guarded(max_body_bytes=1000) as (_, admin):
        body = {"name": "x" * 2000, "gitUrl": "sim://acme/x"}
        status, answer = await admin.ask("POST", paths.repositories, json=body)
        assert (status, "1000 bytes" in answer["message"]) == (413, True)
        chunks = ("x" * 600 for _ in range(3))

        async def unannounced():  # type: ignore[no-untyped-def]  # a body without a length
            for chunk in chunks:
                yield chunk.encode()

        assert (await admin.ask("POST", paths.repositories, data=unannounced()))[0] == 413


async def test_more_repositories_than_may_be_are_refused() -> None:
    async with guarded(max_repositories=2) as (_, admin):
        first = await admin.register("sim://acme/1")
        await admin.register("sim://acme/2")
        body = {"name": "x", "gitUrl": "sim://acme/3"}
        status, answer = await admin.ask("POST", paths.repositories, json=body)
        assert (status, "at most 2" in answer["message"]) == (409, True)
        await admin.ask("DELETE", paths.repository(first))
        await admin.register("sim://acme/3")


async def test_a_client_watches_so_many_scans_by_name_and_may_watch_all() -> None:
    async with guarded(max_subscriptions=2, max_scans_per_token=10) as (gateway, admin):
        repository = await admin.register(f"sim://acme/one?{STUCK}")
        scans = [await admin.trigger(repository) for _ in range(3)]
        async with watching(gateway.url, token=gateway.config.token) as watcher:
            assert (await watcher.subscribe(*scans[:2]))["ok"]
            answer = await watcher.subscribe(scans[2])
            assert (answer["ok"], answer["code"]) == (False, "limit")
            assert (await watcher.subscribe(*scans[:2]))["ok"], "what it watches already costs nothing"
            await watcher.call(wire.UNSUBSCRIBE, {"scanIds": [scans[0]]})
            assert (await watcher.subscribe(scans[2]))["ok"]
            assert len((await watcher.subscribe(all=True))["scans"]) == 3
        await admin.ask("DELETE", paths.repository(repository))


async def test_one_connection_too_many_is_asked_to_come_later() -> None:
    async with guarded(max_connections=2) as (gateway, admin):
        url = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
        async with watching(gateway.url, token=gateway.config.token) as watcher:
            async with admin.session.get(url) as second:
                assert second.status == 200
            async with admin.session.get(url) as third:
                assert (third.status, "Retry-After" in third.headers) == (503, True)
                assert "connections" in await third.text()
            scan = await admin.scan(QUICK)
            assert (await watcher.subscribe(scan))["ok"]
            await admin.until_ended(scan)


async def test_a_message_that_is_too_large_closes_the_connection_and_harms_no_other() -> None:
    async with (
        guarded(max_message_bytes=5_000) as (gateway, admin),
        watching(gateway.url, token=TOKEN, transports=["websocket"]) as large,
        watching(gateway.url, token=TOKEN) as other,
    ):
        await large.client.emit(wire.SUBSCRIBE, {"scanIds": ["x" * 20_000]}, namespace=wire.NAMESPACE)
        async with asyncio.timeout(10):
            await large.client.eio.wait()
        scan = await admin.scan(QUICK)
        assert (await other.subscribe(scan))["ok"]
        await admin.until_ended(scan)


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "page=0", "limit=x", "page=-1"])
async def test_a_page_has_its_bounds(query: str) -> None:
    async with guarded() as (_, admin):
        for path in (paths.scans, paths.audit):
            status, answer = await admin.ask("GET", f"{path}?{query}")
            assert (status, answer["statusCode"]) == (400, 400)


@pytest.mark.parametrize(
    "name",
    [
        "max_body_bytes",
        "max_message_bytes",
        "max_connections",
        "max_subscriptions",
        "max_scans_per_token",
        "max_repositories",
    ],
)
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        GatewayConfig(**{name: 0})
