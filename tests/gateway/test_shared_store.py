"""Gateways that share a store in Redis are one to their watchers, and outlive the times when Redis is away.

@gxp-spec SPEC-003-007 "Shared store in Redis"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

import pytest
import redis

from scanwatch import wire
from scanwatch.storage._redis import _feed
from tests.client._proxy import proxied
from tests.gateway._access import TOKEN, calling, make_key
from tests.gateway._peers import Rest, watching
from tests.gateway._shared import Side, gateways_on, playing_worker
from tests.redis_server import RedisServer, ask

pytestmark = pytest.mark.needs("redis")

PATIENCE_S = 30.0


async def until(happens: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await happens():
            await asyncio.sleep(0.02)


async def ready(rest: Rest) -> tuple[int, dict[str, Any]]:
    return await rest.ask("GET", wire.paths.ready)


def through(url: str, proxy_url: str) -> str:
    """A store's URL that leads through a proxy."""
    return f"redis://{proxy_url.removeprefix('http://')}/0?{url.partition('?')[2]}"


async def new_scan(side: Side) -> str:
    return await side.rest.trigger(await side.rest.register(f"sim://acme/{uuid4()}"))


# One to their watchers


async def test_a_watcher_of_one_gateway_sees_what_is_triggered_at_another(redis_url: str) -> None:
    async with (
        gateways_on(redis_url, redis_url) as (here, there),
        playing_worker(redis_url) as worker,
        watching(there.url, token=TOKEN) as by_all,
        watching(here.url, token=TOKEN) as near,
    ):
        assert (await by_all.subscribe(all=True))["ok"]
        scan_id = await new_scan(here)
        assert (await near.subscribe(scan_id))["ok"]
        await worker.report(scan_id, 20)
        await worker.complete(scan_id)
        await by_all.until(lambda: by_all.ended(scan_id))
        await near.until(lambda: near.ended(scan_id))
        assert by_all.seqs(scan_id) == list(range(1, 23))
        assert near.seqs(scan_id) == list(range(2, 23))


async def test_whoever_joins_in_the_middle_has_every_event_once_at_any_gateway(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as sides, playing_worker(redis_url) as worker:
        scan_id = await new_scan(sides[0])
        reporting = asyncio.create_task(worker.report(scan_id, 80))
        got: list[list[int]] = []
        for number in range(6):
            async with watching(sides[number % 2].url, token=TOKEN) as watcher:
                await asyncio.sleep(0)
                answer = await watcher.subscribe(scan_id, after={scan_id: 1})
                replayed = [row["payload"]["seq"] for row in answer["scans"][0]["events"]]
                if number == 5:
                    await reporting
                    await worker.complete(scan_id)
                    await watcher.until(lambda watcher=watcher: watcher.ended(scan_id))
                m = answer["scans"][0]["snapshot"]["seq"]
                assert replayed == list(range(2, m + 1)), "the replay ends at the snapshot"
                assert watcher.seqs(scan_id) == list(range(m + 1, m + 1 + len(watcher.seqs(scan_id))))
                got.append([*replayed, *watcher.seqs(scan_id)])
        assert got[-1] == list(range(2, 83))


async def test_a_scoped_client_hears_of_a_repository_that_another_gateway_registers(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as (here, there), playing_worker(redis_url) as worker:
        key = await make_key(here.rest, role="viewer", repositories=["sim://mine/*"])
        async with watching(there.url, token=key["token"]) as watcher:
            assert (await watcher.subscribe(all=True))["ok"]
            other = await here.rest.trigger(await here.rest.register("sim://theirs/one"))
            mine = await here.rest.trigger(await here.rest.register("sim://mine/one"))
            await worker.complete(other)
            await worker.complete(mine)
            await watcher.until(lambda: watcher.ended(mine))
            assert {payload["scanId"] for payload in watcher.events} == {mine}
            assert watcher.seqs(mine) == [1, 2]


async def test_a_key_revoked_at_one_gateway_ends_its_connections_at_every_other(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as (here, there):
        key = await make_key(here.rest)
        async with watching(there.url, token=key["token"]) as watcher, calling(there.url, key["token"]) as ada:
            assert (await ada.ask("GET", wire.paths.scans))[0] == 200
            assert (await here.rest.ask("DELETE", wire.paths.token(key["id"])))[0] == 204
            await watcher.until(lambda: any(name == wire.REFUSED for name, _ in watcher.heard))
            assert (await ada.ask("GET", wire.paths.scans))[0] == 401


async def test_a_repository_deleted_at_one_gateway_is_gone_at_the_other(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as (here, there):
        repository_id = await here.rest.register("sim://acme/gone")
        scan_id = await here.rest.trigger(repository_id)
        assert (await there.rest.ask("GET", wire.paths.scan(scan_id)))[0] == 200
        assert (await here.rest.ask("DELETE", wire.paths.repository(repository_id)))[0] == 204
        assert (await there.rest.ask("GET", wire.paths.scan(scan_id)))[0] == 404

        async def forgotten() -> bool:
            return not there.gateway._hub.live_scans  # type: ignore[union-attr]

        await until(forgotten)


async def test_a_cancel_at_one_gateway_is_in_the_log_for_whoever_runs_the_scan(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as (here, there), playing_worker(redis_url) as worker:
        scan_id = await new_scan(here)
        await worker.store.begin_run(scan_id)
        await worker.report(scan_id)
        for side in (there, here, there):
            assert (await side.rest.ask("POST", wire.paths.cancel(scan_id)))[0] == 202
        turns = [event.turn for event in await worker.store.events(scan_id) if event.turn]
        assert turns == ["cancelling"]


async def test_a_trigger_that_two_gateways_are_asked_at_once_is_one_scan_and_heard_at_both(redis_url: str) -> None:
    async with gateways_on(redis_url, redis_url) as (here, there), playing_worker(redis_url) as worker:
        repository_id = await here.rest.register("sim://acme/once")
        path = wire.paths.trigger(repository_id)
        for _ in range(5):
            headers = {wire.IDEMPOTENCY_KEY: str(uuid4())}
            answers = await asyncio.gather(
                *(side.rest.ask("POST", path, headers=headers) for side in (here, there, here, there))
            )
            assert {status for status, _ in answers} == {202}
            (scan_id,) = {answer["scanId"] for _, answer in answers}
            for side in (here, there):
                async with watching(side.url, token=TOKEN) as watcher:
                    assert (await watcher.subscribe(scan_id))["ok"]
                    await worker.report(scan_id)
                    await watcher.until(lambda watcher=watcher, scan_id=scan_id: watcher.of(scan_id))
            await worker.complete(scan_id)


# When Redis is away


async def test_while_redis_is_away_reads_are_answered_and_writes_are_told_to_come_back(own_redis: RedisServer) -> None:
    async with gateways_on(own_redis.url) as (side,), playing_worker(own_redis.url) as worker:
        scan_id = await new_scan(side)
        await worker.report(scan_id, 3)
        async with watching(side.url, token=TOKEN) as watcher:
            assert (await watcher.subscribe(scan_id))["ok"]
            own_redis.kill()
            status, answer = await ready(side.rest)
            assert (status, answer["status"]) == (200, "degraded")
            assert (await side.rest.get(wire.paths.scan(scan_id)))["seq"] == 4
            listed = await side.rest.get(wire.paths.scans, params={"status": "in_progress"})
            assert [row["id"] for row in listed["data"]] == [scan_id]
            assert len(await side.rest.get(wire.paths.repositories)) == 1
            async with watching(side.url, token=TOKEN) as late:
                joined = await late.subscribe(scan_id)
                assert (joined["ok"], joined["scans"][0]["snapshot"]["seq"]) == (True, 4)
                assert joined["more"], "the events are to be had over REST, once they are again"
            url = f"{side.url}/{wire.paths.trigger((await side.rest.get(wire.paths.repositories))[0]['id'])}"
            async with side.rest.session.post(url) as refusal:
                assert (refusal.status, refusal.headers["Retry-After"]) == (503, "5")
            own_redis.start()

            async def back() -> bool:
                return (await ready(side.rest))[1] == {"status": "ready", "reasons": []}

            await until(back)
            await worker.report(scan_id)
            await worker.complete(scan_id)
            await watcher.until(lambda: watcher.ended(scan_id))
            assert watcher.seqs(scan_id) == [5, 6]


async def test_a_gateway_that_the_feed_has_left_behind_reads_the_scans_themselves(own_redis: RedisServer) -> None:
    """The feed is cut shorter than what the gateway has missed; its watchers miss nothing."""
    with proxied(f"http://127.0.0.1:{own_redis.port}") as proxy:
        far_url = through(own_redis.url, proxy.url)
        async with gateways_on(own_redis.url, far_url) as (near, far), playing_worker(own_redis.url) as worker:
            lasting, ending = await new_scan(near), await new_scan(near)
            revoked = await make_key(near.rest)
            async with (
                watching(far.url, token=TOKEN) as watcher,
                watching(far.url, token=revoked["token"]) as refused,
            ):
                joined = await watcher.subscribe(all=True)
                assert {scan["scanId"] for scan in joined["scans"]} == {lasting, ending}
                proxy.cut()
                await worker.report(lasting, 30)
                await worker.report(ending, 5)
                await worker.complete(ending)
                unheard = await new_scan(near)
                await worker.complete(unheard)
                assert (await near.rest.ask("DELETE", wire.paths.token(revoked["id"])))[0] == 204
                await worker.store._open.link.call("XTRIM", "scanwatch:feed", "MAXLEN", 1)  # type: ignore[attr-defined]
                proxy.mend()
                await refused.until(lambda: any(name == wire.REFUSED for name, _ in refused.heard))
                await watcher.until(lambda: watcher.ended(ending) and watcher.ended(unheard))
                await worker.complete(lasting)
                await watcher.until(lambda: watcher.ended(lasting))
                assert watcher.seqs(lasting) == list(range(2, 33))
                assert watcher.seqs(ending) == list(range(2, 8))
                assert watcher.seqs(unheard) == [1, 2]


async def test_a_gateway_lets_go_of_the_scans_of_a_redis_that_was_emptied_and_goes_on(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_feed, "LOOK_S", 0.0)
    monkeypatch.setattr(_feed, "_BLOCK_MS", 50)
    async with gateways_on(own_redis.url) as (side,), watching(side.url, token=TOKEN) as watcher:
        assert (await watcher.subscribe(all=True))["ok"]
        lost = await new_scan(side)
        await watcher.until(lambda: watcher.of(lost))
        ask(own_redis, "FLUSHALL")

        async def forgotten() -> bool:
            return not side.gateway._hub.live_scans  # type: ignore[union-attr]

        await until(forgotten)
        assert (await side.rest.ask("GET", wire.paths.scan(lost)))[0] == 404
        new = await new_scan(side)
        await watcher.until(lambda: watcher.of(new))


async def test_a_full_redis_refuses_what_is_new_and_shows_what_there_is(own_redis: RedisServer) -> None:
    async with gateways_on(own_redis.url) as (side,), playing_worker(own_redis.url) as worker:
        scan_id = await new_scan(side)
        repository_id = (await side.rest.get(wire.paths.repositories))[0]["id"]
        await worker.store._open.link.call("CONFIG", "SET", "maxmemory", "1mb")  # type: ignore[attr-defined]
        assert (await ready(side.rest))[1]["status"] == "degraded"
        assert (await side.rest.get(wire.paths.scan(scan_id)))["status"] == "queued"
        assert (await side.rest.ask("POST", wire.paths.trigger(repository_id)))[0] == 503
        await worker.store._open.link.call("CONFIG", "SET", "maxmemory", "0")  # type: ignore[attr-defined]
        assert (await ready(side.rest))[1]["status"] == "ready"
        assert (await side.rest.ask("POST", wire.paths.trigger(repository_id)))[0] == 202


async def test_a_password_that_is_changed_is_an_outage_like_any_other(own_redis: RedisServer) -> None:
    async with gateways_on(own_redis.url) as (side,):
        scan_id = await new_scan(side)
        assert (await side.rest.get(wire.paths.scan(scan_id)))["status"] == "queued"
        with redis.Redis(port=own_redis.port) as client:
            client.config_set("requirepass", "another")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]

            async def noticed() -> bool:
                return (await ready(side.rest)) == (200, {"status": "degraded", "reasons": ANY})

            await until(noticed)
            assert (await side.rest.get(wire.paths.scan(scan_id)))["status"] == "queued"
            assert (await side.rest.ask("POST", wire.paths.cancel(scan_id)))[0] == 503
            client.config_set("requirepass", "")

        async def back() -> bool:
            return (await ready(side.rest))[1]["status"] == "ready"

        await until(back)
        assert (await side.rest.ask("POST", wire.paths.cancel(scan_id)))[0] == 202
