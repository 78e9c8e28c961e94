"""Whatever strangers send: nobody else notices, nothing of it stays, and no traceback reaches them or the log.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig, _app
from scanwatch.gateway._engine import Engine
from tests.gateway._assault import Assault
from tests.gateway._contract import RestJudge
from tests.gateway._mischief import Mischief
from tests.gateway._peers import Rest, Watcher, watching

BOTH = pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "library"])
SETTLED_S = 30.0
State = dict[str, int]


@pytest.fixture(autouse=True)
def keeps_to_the_contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestJudge]:
    """As everywhere, but for what strangers send: keys nobody knows are passed over."""
    judge, usual = RestJudge(), _app.middlewares
    monkeypatch.setattr(_app, "middlewares", lambda config: [judge.middleware, *usual(config)])
    yield judge
    assert [complaint for complaint in judge.complaints if "(its body)" not in complaint] == []


@BOTH
async def test_nonsense_harms_nobody_and_leaves_nothing(
    fast_path: bool, engines: list[Engine], caplog: pytest.LogCaptureFixture
) -> None:
    await _withstand(fast_path, engines, caplog, seed=7, count=160)


@pytest.mark.slow
@pytest.mark.timeout(900)
@BOTH
@pytest.mark.parametrize("seed", range(100, 104))
async def test_much_nonsense_harms_nobody_and_leaves_nothing(
    seed: int,
    fast_path: bool,
    engines: list[Engine],
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
) -> None:
    assault = await _withstand(fast_path, engines, caplog, seed=seed, count=3000)
    record_property("sent", dict(assault.sent))
    record_property("answered", dict(assault.statuses))
    assert assault.sent["frames"] > 1000
    assert assault.sent["requests"] > 1000


async def _withstand(
    fast_path: bool, engines: list[Engine], caplog: pytest.LogCaptureFixture, *, seed: int, count: int
) -> Assault:
    """A gateway under assault, while two healthy clients watch scans; the assault, once all is as it was."""
    config = GatewayConfig(
        port=0,
        store="memory:",
        fast_path=fast_path,
        backoff_s=0.01,
        max_requests_per_minute=0,
        patience_s=1.0,
        ping_interval_s=0.5,
        ping_timeout_s=4.0,
    )
    async with Gateway(config) as gateway, aiohttp.ClientSession() as session:
        rest = Rest(session, gateway.url)
        known = await rest.scan("files=3&duration_s=0.01")
        await rest.until_ended(known)
        repository = (await rest.get(wire.paths.repositories))[0]["id"]
        before = _state(gateway, engines[0])
        async with (
            watching(gateway.url, transports=["websocket"]) as watcher,
            watching(gateway.url, field=True) as field,
        ):
            await watcher.subscribe(all=True)
            assault = Assault(gateway.url, Mischief(seed, (known, repository)), session)
            scans = await _scan_meanwhile(rest, assault.run(count))
            for scan in scans:
                await _has_everything(scan, watcher, field, rest)
        assert assault.bad == []
        await _forget_scans(rest)
        await _until_settled(lambda: _state(gateway, engines[0]), before)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    return assault


async def _scan_meanwhile(rest: Rest, assault: Any) -> list[str]:
    task, scans = asyncio.create_task(assault), []
    try:
        while not task.done() or not scans:
            scans.append(await rest.scan("files=30&duration_s=0.2"))
            await rest.until_ended(scans[-1])
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return scans


async def _has_everything(scan: str, watcher: Watcher, field: Watcher, rest: Rest) -> None:
    last = (await rest.get(wire.paths.scan(scan)))["seq"]
    for healthy in (watcher, field):
        await healthy.until(lambda healthy=healthy: healthy.ended(scan))  # type: ignore[misc]
        assert healthy.seqs(scan) == list(range(1, last + 1))


async def _forget_scans(rest: Rest) -> None:
    """Delete what strangers registered, their scans that stall included."""
    for repository in await rest.get(wire.paths.repositories):
        await rest.ask("DELETE", wire.paths.repository(repository["id"]))


def _state(gateway: Gateway, engine: Engine) -> State:
    """How much is kept for clients, in all places where something is."""
    server, fanout, hub = engine.server, gateway._fanout, gateway._hub
    assert fanout is not None
    assert hub is not None
    assert gateway._requests.server is not None
    talk = server.handlers[wire.NAMESPACE]["connect"].__self__
    rooms = server.manager.rooms
    return {
        "sessions": len(server.eio.sockets),
        "first requests": len(server.environ),
        "half packets": len(server._binary_packet),
        "library rooms": sum(len(members) for one in rooms.values() for members in one.values()),
        "library pending": len(server.manager.pending_connect),
        "requests in hand": len(engine._visits),
        "connections": len(gateway._requests._in_hand),
        "lines": len(fanout._lines),
        "members": len(fanout._rooms._rooms_of),
        "rooms": len(fanout._rooms._members),
        "behind": len(fanout._behind),
        "live scans": len(hub._live) + len(hub._introduced),
        "callers": len(talk._callers._by_sid) + len(talk._callers._timers),
        "dialects": len(talk._dialects),
        "greetings": len(talk._greetings),
        "scopes": len(hub._scopes._members),
        "open": len([one for one in gateway._requests.server.connections if one.transport is not None]),
        "lost": len([one for one in gateway._requests.server.connections if one.transport is None]),
        "tasks": len(_tasks()),
    }


def _tasks() -> list[str]:
    """What runs, but for what the library and the gateway begin with the first client and keep."""
    kept = ("_service_task", "_deliver_posts", "_keep_tending", "Event.wait")
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if not name.endswith(kept)]


async def _until_settled(state: Callable[[], State], before: State) -> None:
    """Wait until nothing is left of clients that have gone; the test's own connection is one that was there before."""
    deadline = asyncio.get_running_loop().time() + SETTLED_S
    while (left := _more(state(), before)) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    assert not left, _tasks()


def _more(now: State, before: State) -> State:
    return {name: count for name, count in now.items() if count > before[name]}
