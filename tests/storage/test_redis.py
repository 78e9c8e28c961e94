"""The store in Redis keeps its promises between processes and over outages, and says in words what is wrong.

@gxp-spec SPEC-003-007 "Shared store in Redis"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scanwatch.errors import ConfigurationError, Fenced, StoreError, StoreUnavailable
from scanwatch.model import ApiKey, Artifact, Event, Role, ScanOutcome
from scanwatch.storage import Change, FeedGap, RepositoryGone, ScanFilter, open_store
from scanwatch.storage._redis import RedisStore, _feed, _link, _preflight, parse_address
from scanwatch.storage._redis._examine import rights_for
from scanwatch.storage._redis._link import Link
from tests.client._proxy import proxied
from tests.redis_server import RedisServer, free_port
from tests.storage.certificates import Certificates
from tests.storage.records import START, at, begin, complete, fetching, queued, repository, request

pytestmark = pytest.mark.needs("redis")

SECRET = "s3cret-of-nobodys-business"


class Opener:
    """Opens stores that end with the test."""

    def __init__(self, ending: AsyncExitStack) -> None:
        self._ending = ending

    async def __call__(self, url: str, **options: Any) -> RedisStore:
        store = RedisStore(parse_address(url), **options)
        self._ending.push_async_callback(store.close)
        await store.open()
        return store


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Opener]:
    async with AsyncExitStack() as ending:
        yield Opener(ending)


async def ask(url: str, *command: Any) -> Any:
    """The answer of a Redis to one command."""
    link = Link(parse_address(url))
    try:
        return await link.call(*command)
    finally:
        await link.close()


async def heard_by(store: RedisStore, happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.01)


# Between processes


async def test_two_processes_that_append_to_one_scan_leave_no_gap_and_hear_the_same(
    opened: Opener, redis_url: str
) -> None:
    here, there = await opened(redis_url), await opened(redis_url)
    heard: list[list[Event]] = [[], []]
    for store, ears in zip((here, there), heard, strict=True):
        store.listen(ears.extend)
    await begin(here)
    appends = [store.append(fetching(done=i), key=f"{i}") for i in range(40) for store in (here, there)]
    given = await asyncio.gather(*appends)
    await heard_by(there, lambda: len(heard[0]) == len(heard[1]) == 41)
    assert {event.seq for event in given} == set(range(2, 42)), "each key made one event, whoever was first"
    assert [event.seq for event in heard[0]] == list(range(1, 42))
    assert heard[0] == heard[1] == await here.events("scan")
    assert (await there.snapshot("scan")).seq == 41


async def test_what_another_process_has_changed_is_not_judged_by_what_was_known_before(
    opened: Opener, redis_url: str
) -> None:
    here, there = await opened(redis_url), await opened(redis_url)
    await begin(here)
    first = await here.begin_run("scan")
    await here.append(fetching(done=1), run=first, key="1")
    second = await there.begin_run("scan")
    with pytest.raises(Fenced, match="taken over by run 2"):
        await here.append(fetching(done=2), run=first, key="2")
    assert (await here.append(fetching(done=2), run=second, key="1")).seq == 3
    end = await there.append(complete(), run=second, key="end")
    assert await here.append(complete(time=20), run=second, key="end") == end


async def test_a_process_hears_of_what_others_change(opened: Opener, redis_url: str) -> None:
    here, there = await opened(redis_url), await opened(redis_url)
    heard: list[Change | Event] = []
    there.listen_to_changes(heard.append)
    there.listen(heard.extend)
    key = ApiKey("key", "ada", Role.VIEWER, START, "digest")
    await here.create_repository(repository())
    first = await here.create_scan(request(), queued())
    await here.create_key(key)
    revoked = await here.revoke_key("key", at(5))
    await here.delete_repository("repo")
    await heard_by(there, lambda: RepositoryGone("repo") in heard)
    assert heard == [repository(), request(), first, key, revoked, RepositoryGone("repo")]


async def test_another_prefix_is_another_store(opened: Opener, redis_url: str) -> None:
    here, there = await opened(redis_url), await opened(f"{redis_url}-other")
    await begin(here)
    assert (await there.scans(ScanFilter())).total == 0
    assert await there.unfinished() == []


async def test_nothing_is_left_of_a_repository_that_was_deleted(opened: Opener, redis_url: str) -> None:
    store = await opened(redis_url)
    await begin(store)
    await store.save_outcome("scan", ScanOutcome((Artifact("REQ-1", "requirement"),)), run=0)
    await store.append(complete(), key="end")
    await store.delete_repository("repo")
    prefix = parse_address(redis_url).prefix
    left = {key.decode().removeprefix(f"{prefix}:") for key in await ask(redis_url, "KEYS", f"{prefix}:*")}
    assert left == {"feed", "meta", "number"}


async def test_whoever_the_feed_has_left_behind_is_told_so(opened: Opener, own_redis: RedisServer) -> None:
    with proxied(f"http://127.0.0.1:{own_redis.port}") as proxy:
        near, far = await opened(own_redis.url), await opened(proxy.url.replace("http://", "redis://"))
        changes: list[Change] = []
        heard: list[Event] = []
        far.listen_to_changes(changes.append)
        far.listen(heard.extend)
        await begin(near)
        await heard_by(far, lambda: len(heard) == 1)
        proxy.cut()
        await near.append(fetching(done=1))
        await near.append(fetching(done=2))
        await ask(own_redis.url, "XTRIM", "scanwatch:feed", "MAXLEN", 1)
        proxy.mend()
        await heard_by(far, lambda: FeedGap() in changes)
        await near.append(fetching(done=3))
        await heard_by(far, lambda: len(heard) > 1)
        assert heard[1].files_processed == 3


async def test_whoever_follows_a_store_that_was_emptied_is_told_so(
    opened: Opener, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_feed, "LOOK_S", 0.0)
    store = await opened(own_redis.url)
    changes: list[Change] = []
    heard: list[Event] = []
    store.listen_to_changes(changes.append)
    store.listen(heard.extend)
    await begin(store)
    await heard_by(store, lambda: len(heard) == 1)
    await ask(own_redis.url, "FLUSHALL")
    await begin(store)
    await store.append(fetching(done=1))
    await heard_by(store, lambda: FeedGap() in changes)
    await store.append(fetching(done=2))
    await heard_by(store, lambda: heard[-1].files_processed == 2)


# Over outages


@pytest.mark.parametrize("end", [RedisServer.stop, RedisServer.kill])
async def test_an_append_waits_for_redis_and_is_kept_once(
    opened: Opener, own_redis: RedisServer, end: Callable[[RedisServer], None]
) -> None:
    store = await opened(own_redis.url, patience_s=60)
    heard: list[Event] = []
    store.listen(heard.extend)
    await begin(store)
    run = await store.begin_run("scan")
    await store.append(fetching(done=1), run=run, key="1")
    end(own_redis)
    waiting = [asyncio.create_task(store.append(fetching(done=i), run=run, key=f"{i}")) for i in range(2, 30)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    own_redis.start()
    assert [event.seq for event in await asyncio.gather(*waiting)] == list(range(3, 31))
    await heard_by(store, lambda: len(heard) == 30)
    assert heard == await store.events("scan")


async def test_an_append_whose_answer_was_lost_is_not_done_twice(opened: Opener, own_redis: RedisServer) -> None:
    with proxied(f"http://127.0.0.1:{own_redis.port}") as proxy:
        store = await opened(proxy.url.replace("http://", "redis://"), patience_s=60)
        await begin(store)
        await store.append(fetching(done=1))
        proxy.cut_at_the_answer_to(b"EVALSHA")
        appending = asyncio.create_task(store.append(fetching(done=2)))
        await heard_by(store, lambda: proxy.is_cut)
        proxy.mend()
        assert (await appending).seq == 3
        assert [event.files_processed for event in (await store.events("scan"))[1:]] == [1, 2]


async def test_without_patience_an_append_is_refused_and_may_be_made_again(
    opened: Opener, own_redis: RedisServer
) -> None:
    store = await opened(own_redis.url, patience_s=0)
    await begin(store)
    own_redis.kill()
    with pytest.raises(StoreUnavailable, match="nothing answers there"):
        await store.append(fetching(done=1), key="1")
    with pytest.raises(StoreUnavailable):
        await store.snapshot("scan")
    own_redis.start()
    assert (await store.append(fetching(done=1), key="1")).seq == 2


# What is wrong is said in words


async def refusal(url: str) -> StoreError:
    store = open_store(url)
    with pytest.raises(StoreError) as refused:
        await store.open()
    assert SECRET not in f"{refused.value}{store!r}{parse_address(url)!r}{parse_address(url).shown}"
    return refused.value


async def test_nothing_answers() -> None:
    error = await refusal(f"redis://ada:{SECRET}@127.0.0.1:9/0")
    assert isinstance(error, StoreUnavailable)
    assert str(error).startswith("The store redis://127.0.0.1:9/0 cannot be used: nothing answers there")


async def test_a_wrong_password_and_a_missing_one(own_redis: RedisServer) -> None:
    await ask(own_redis.url, "CONFIG", "SET", "requirepass", SECRET)
    assert "asks for a password" in str(await refusal(own_redis.url))
    for user in ("", "ada"):
        wrong = own_redis.url.replace("redis://", f"redis://{user}:{SECRET}-not@")
        assert "the user or the password in the URL is wrong" in str(await refusal(wrong))
    right = open_store(own_redis.url.replace("redis://", f"redis://:{SECRET}@"))
    await right.open()
    await right.close()


async def test_a_database_that_is_not_there(own_redis: RedisServer) -> None:
    assert "it has no database 99; 0 is there always" in str(await refusal(own_redis.url.replace("/0", "/99")))


async def test_a_replica_that_may_only_be_read(own_redis: RedisServer) -> None:
    await ask(own_redis.url, "REPLICAOF", "127.0.0.1", 9)
    assert "give the address of the primary" in str(await refusal(own_redis.url))


async def test_one_that_is_full(own_redis: RedisServer) -> None:
    await ask(own_redis.url, "CONFIG", "SET", "maxmemory", 1)
    error = await refusal(own_redis.url)
    assert isinstance(error, StoreUnavailable)
    assert "it is full: raise its maxmemory" in str(error)


async def test_one_that_is_too_old_or_a_newer_scanwatchs(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_preflight, "OLDEST", (99, 0))
        assert "is the oldest that will do" in str(await refusal(redis_url))
    prefix = parse_address(redis_url).prefix
    await ask(redis_url, "HSET", f"{prefix}:meta", "schema", 99)
    assert "written by a newer scanwatch" in str(await refusal(redis_url))


async def test_part_of_a_cluster(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "cluster", "--cluster-enabled", "yes", "--cluster-port", str(free_port())).start()
    try:
        assert "part of a cluster" in str(await refusal(server.url))
    finally:
        server.kill()


async def test_a_user_with_the_rights_we_name_can_do_everything_and_one_without_is_told(
    opened: Opener, own_redis: RedisServer
) -> None:
    rules = rights_for("scanwatch").split()
    await ask(own_redis.url, "ACL", "SETUSER", "ada", "on", f">{SECRET}", *rules)
    store = await opened(own_redis.url.replace("redis://", f"redis://ada:{SECRET}@"))
    await begin(store)
    run = await store.begin_run("scan")
    await store.save_outcome("scan", ScanOutcome((Artifact("REQ-1", "requirement"),)), run=run)
    await store.append(complete(), run=run)
    assert await store.prune_events(at(1e6)) == 2
    assert await store.prune_scans(at(1e6)) == 1
    await store.delete_repository("repo")
    await ask(own_redis.url, "ACL", "SETUSER", "bo", "on", f">{SECRET}", "~else:*", "+@all")
    poor = await refusal(own_redis.url.replace("redis://", f"redis://bo:{SECRET}@"))
    assert "its ACL does not let this user do that" in str(poor)


async def test_over_tls_and_only_with_the_right_authority(
    opened: Opener, own_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = Certificates(tmp_path)
    async with certificates.shown_before(own_redis.port) as port:
        url = f"rediss://127.0.0.1:{port}/0"
        store = await opened(f"{url}?ca_file={certificates.authority}")
        await begin(store)
        assert (await store.snapshot("scan")).seq == 1
        assert "no TLS connection comes about" in str(await refusal(url))
        await store.close()
        assert "if it asks for TLS, write rediss://" in str(await refusal(f"redis://127.0.0.1:{port}/0"))
    monkeypatch.setattr(_link, "CONNECT_S", 0.3)  # it waits for a word of TLS that never comes
    error = await refusal(f"rediss://127.0.0.1:{own_redis.port}/0")
    assert isinstance(error, StoreUnavailable)
    assert "that it speaks TLS there: redis:// goes without" in str(error)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://", "names no host"),
        ("redis://host:99999/0", "port is no number"),
        ("redis://host/zero", "the database after the host is a number"),
        ("redis://host?prefix=", "a prefix is 1 to 100 letters"),
        ("redis://host?prefix=a%20b", "a prefix is 1 to 100 letters"),
        ("redis://host?prefx=a", "an option 'prefx'"),
        ("redis://host?ca_file=a.pem", "ca_file is for rediss://"),
        (f"redis://ada:{SECRET}#@host", "is written %23"),
        (f"redys://ada:{SECRET}@host", "names no kind of store"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secrets(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        open_store(url)
    assert SECRET not in str(refused.value)


def test_everything_in_a_url_is_heeded() -> None:
    address = parse_address("rediss://a%40b:p%3Aw@[::1]:7000/3?prefix=acme:scans&ca_file=/etc/ca.pem")
    assert (address.host, address.port, address.database) == ("::1", 7000, 3)
    assert (address.user, address.password) == ("a@b", "p:w")
    assert address.options()["ssl_ca_certs"] == "/etc/ca.pem"
    assert address.shown == "rediss://[::1]:7000/3?prefix=acme:scans"
