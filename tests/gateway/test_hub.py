"""Between what a client is told when it joins and what it hears live there is neither gap nor repeat.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from scanwatch import wire
from scanwatch.errors import UnknownRecord
from scanwatch.gateway._fanout import FIELD, Fanout, Line
from scanwatch.gateway._hub import Hub
from scanwatch.model import Event, EventKind, Phase, Repository, ScanRequest
from scanwatch.storage import Listener
from scanwatch.storage._memory import MemoryStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Wires:
    """Stands for the connections: what each client was sent."""

    def __init__(self) -> None:
        self.heard: dict[str, list[int]] = defaultdict(list)

    def line(self, sid: str) -> Line:
        return FakeLine(sid, self)

    def deliver(self, event: Event, lines: Collection[Line]) -> list[Line]:
        for line in lines:
            line.send(*wire.encode_event(event))
        return []

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def settled(self) -> None:
        await asyncio.sleep(0)

    async def close(self) -> None:
        pass


class FakeLine(Line):
    def __init__(self, sid: str, wires: Wires) -> None:
        super().__init__(sid)
        self._wires = wires

    def send(self, name: str, payload: dict[str, Any]) -> None:
        self._wires.heard[self.sid].append(payload["seq"])

    def has_room(self) -> bool:
        return True

    def unsent(self) -> tuple[int, int]:
        return 0, 0

    def abort(self) -> None:
        raise AssertionError("nobody is behind")


class LateStore(MemoryStore):
    """A store whose word of an event takes a while, as from a writer's thread."""

    def __init__(self, moments: Random) -> None:
        super().__init__()
        self._moments = moments

    def listen(self, listener: Listener) -> Callable[[], None]:
        def later(events: Sequence[Event]) -> None:
            pending.append(events)
            asyncio.get_running_loop().call_later(self._moments.random() * 0.004, lambda: listener(pending.pop(0)))

        pending: list[Sequence[Event]] = []
        return super().listen(later)


@dataclass
class House:
    store: MemoryStore
    hub: Hub
    fanout: Fanout
    wires: Wires
    repository_id: str

    async def create(self) -> str:
        scan_id = str(uuid4())
        await self.store.create_scan(ScanRequest(scan_id, self.repository_id, "sim://acme/one"), progress(scan_id))
        return scan_id

    async def run(self, scan_id: str, events: int) -> None:
        for _ in range(events):
            await self.store.append(progress(scan_id))
            await asyncio.sleep(0)
        await self.store.append(Event(scan_id, EventKind.COMPLETE, NOW))


def progress(scan_id: str) -> Event:
    return Event(scan_id, EventKind.PROGRESS, NOW, phase=Phase.FETCH)


@asynccontextmanager
async def house(store: MemoryStore) -> AsyncIterator[House]:
    wires = Wires()
    fanout = Fanout(wires)
    hub = Hub(store, fanout)
    await store.open()
    repository = Repository(str(uuid4()), "one", "sim://acme/one", NOW, NOW)
    await store.create_repository(repository)
    await hub.start()
    try:
        yield House(store, hub, fanout, wires, repository.id)
        await hub.sent()
    finally:
        await hub.close()
        await store.close()


@pytest.mark.parametrize("seed", range(20))
async def test_told_and_heard_make_the_whole_whenever_a_client_joins(seed: int) -> None:
    moments = Random(seed)
    async with house(LateStore(moments)) as at:
        scan = await at.create()

        async def join(sid: str) -> tuple[str, int]:
            at.fanout.admit(sid)
            await asyncio.sleep(moments.random() * 0.02)
            snapshot, entered = await at.hub.join(sid, scan)
            assert entered is not snapshot.terminal
            assert snapshot.target == "sim://acme/one"
            return sid, snapshot.seq

        joins = asyncio.gather(*(join(f"client-{number}") for number in range(30)))
        await at.run(scan, 100)
        told = await joins
        await asyncio.sleep(0.01)
        await at.hub.sent()
        for sid, seq in told:
            assert at.wires.heard[sid] == list(range(seq + 1, 103))


@pytest.mark.parametrize("seed", range(10))
async def test_all_holds_each_scan_once_even_while_scans_end(seed: int) -> None:
    moments = Random(seed)
    async with house(LateStore(moments)) as at:
        scans = [await at.create() for _ in range(8)]
        at.fanout.admit("client")
        runs = asyncio.gather(*(at.run(scan, moments.randrange(20)) for scan in scans))
        await asyncio.sleep(moments.random() * 0.01)
        told = await at.hub.join_all("client")
        assert sorted(snapshot.scan_id for snapshot in told) == sorted(scans)
        assert {snapshot.target for snapshot in told} == {"sim://acme/one"}
        await runs
        await asyncio.sleep(0.01)
        await at.hub.sent()
        last = {scan: (await at.store.snapshot(scan)).seq for scan in scans}
        missing = sum(last[snapshot.scan_id] - snapshot.seq for snapshot in told)
        assert len(at.wires.heard["client"]) == missing
        assert at.hub.live_scans == 0


async def test_what_a_restart_finds_unfinished_is_live() -> None:
    store = MemoryStore()
    async with house(store) as at:
        scan = await at.create()
        second = Hub(store, at.fanout)
        await second.start()
        at.fanout.admit("client")
        snapshot, _ = await second.join("client", scan)
        assert (second.live_scans, snapshot.seq, snapshot.target) == (1, 1, "sim://acme/one")
        await second.close()


async def test_a_client_that_has_gone_enters_no_room() -> None:
    async with house(MemoryStore()) as at:
        scan = await at.create()
        at.fanout.admit("gone")
        at.fanout.drop("gone")
        assert (await at.hub.join("gone", scan))[1] is False
        await at.run(scan, 3)
        await at.hub.sent()
        assert at.wires.heard == {}
        assert at.fanout.clients == 0


async def test_who_left_hears_no_more_once_that_is_confirmed() -> None:
    async with house(MemoryStore()) as at:
        scan = await at.create()
        for sid in ("leaves", "stays", "field"):
            at.fanout.admit(sid)
        await at.hub.join("leaves", scan)
        await at.hub.join("stays", scan)
        at.fanout.enter("field", FIELD)
        await at.store.append(progress(scan))
        at.hub.leave("leaves", scan)
        await at.hub.sent()
        assert at.wires.heard["leaves"] == [2]
        await at.run(scan, 3)
        await at.hub.sent()
        assert at.wires.heard == {"leaves": [2], "stays": [2, 3, 4, 5, 6], "field": [2, 3, 4, 5, 6]}


async def test_a_scan_that_was_deleted_is_let_go() -> None:
    async with house(MemoryStore()) as at:
        scan = await at.create()
        at.fanout.admit("client")
        await at.hub.join("client", scan)
        await at.store.delete_repository(at.repository_id)
        at.hub.forget(scan)
        assert at.hub.live_scans == 0
        with pytest.raises(UnknownRecord):
            await at.hub.join("client", scan)
