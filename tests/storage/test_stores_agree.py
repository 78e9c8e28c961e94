"""Whatever is asked of them in whatever order, the stores give the same answers.

@gxp-spec SPEC-003-001 "Durable event log"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from scanwatch.errors import ScanwatchError
from scanwatch.model import Artifact, Event, ScanOutcome, ScanStatus
from scanwatch.storage import ScanFilter, Store, open_store
from tests.storage.records import complete, failed, fetching, queued, repository, request

SCANS = st.sampled_from(["a", "b", "c"])
REPOSITORIES = st.sampled_from(["one", "two"])
RUNS = st.integers(0, 3)
KEYS = st.none() | st.sampled_from(["1", "2", "end"])
MOMENTS = st.integers(0, 5)
EVENTS = st.one_of(
    st.builds(fetching, SCANS, done=st.integers(0, 9), time=MOMENTS),
    st.builds(complete, SCANS, time=MOMENTS),
    st.builds(failed, SCANS, time=MOMENTS),
)


class Stores(RuleBasedStateMachine):
    """Asks two stores the same, and compares answers, refusals, what listeners hear and what is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.stores = [open_store(url) for url in ("memory:", self.other())]
        self.heard: list[list[Event]] = [[], []]
        for store, heard in zip(self.stores, self.heard, strict=True):
            store.listen(heard.extend)
            self.runner.run(store.open())

    def other(self) -> str:
        """The URL of the store that is compared with the one in memory."""
        return f"sqlite:///{self.directory.name}/scans.db"

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        self.directory.cleanup()

    def same(self, ask: Callable[[Store], Coroutine[Any, Any, Any]]) -> None:
        memory, other = (self.runner.run(_answer(ask(store))) for store in self.stores)
        assert memory == other

    @rule(name=REPOSITORIES, time=MOMENTS, address=st.none() | st.just("sim://shared"))
    def create_repository(self, name: str, time: int, address: str | None) -> None:
        self.same(lambda store: store.create_repository(repository(name, target=address, created=time)))

    @rule(name=REPOSITORIES, address=st.sampled_from(["sim://shared", "sim://acme/one", "sim://new"]))
    def update_repository(self, name: str, address: str) -> None:
        self.same(lambda store: store.update_repository(name, {"target": address}))

    @rule(name=REPOSITORIES)
    def delete_repository(self, name: str) -> None:
        self.same(lambda store: store.delete_repository(name))

    @rule(scan=SCANS, name=REPOSITORIES, time=MOMENTS)
    def create_scan(self, scan: str, name: str, time: int) -> None:
        self.same(lambda store: store.create_scan(request(scan, name), queued(scan, time=time)))

    @rule(scan=SCANS)
    def begin_run(self, scan: str) -> None:
        self.same(lambda store: store.begin_run(scan))

    @rule(event=EVENTS, run=RUNS, key=KEYS)
    def append(self, event: Event, run: int, key: str | None) -> None:
        self.same(lambda store: store.append(event, run=run, key=key))

    @rule(events=st.lists(st.tuples(EVENTS, KEYS), max_size=6))
    def append_together(self, events: list[tuple[Event, str | None]]) -> None:
        async def together(store: Store) -> list[object]:
            return await asyncio.gather(*(_answer(store.append(event, key=key)) for event, key in events))

        self.same(together)

    @rule(scan=SCANS, run=RUNS, size=st.integers(0, 3))
    def save_outcome(self, scan: str, run: int, size: int) -> None:
        outcome = ScanOutcome(tuple(Artifact(f"REQ-{i}", "requirement") for i in range(size)))
        self.same(lambda store: store.save_outcome(scan, outcome, run=run))

    @rule(
        status=st.none() | st.frozensets(st.sampled_from(ScanStatus)),
        name=st.none() | REPOSITORIES,
        page=st.integers(0, 3),
    )
    def list_scans(self, status: frozenset[ScanStatus] | None, name: str | None, page: int) -> None:
        self.same(lambda store: store.scans(ScanFilter(status=status, repository_id=name), page=page, limit=2))

    @invariant()
    def the_same_is_kept_and_was_heard(self) -> None:
        self.same(_everything)
        assert self.heard[0] == self.heard[1]


async def _answer(asked: Awaitable[object]) -> object:
    """The answer, or the refusal's kind and words."""
    try:
        return await asked
    except ScanwatchError as refusal:
        return type(refusal), str(refusal)


async def _everything(store: Store) -> list[object]:
    answers: list[object] = [await store.repositories(), await store.unfinished(), await store.scans(ScanFilter())]
    for scan in ("a", "b", "c"):
        answers += [await store.events(scan), await _answer(store.snapshot(scan)), await _answer(store.artifacts(scan))]
    return answers


SETTINGS = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
Stores.TestCase.settings = SETTINGS
TestStoresAgree = Stores.TestCase


@pytest.mark.needs("redis")
def test_redis_agrees(shared_redis: str) -> None:
    class WithRedis(Stores):
        def other(self) -> str:
            return f"{shared_redis}?prefix=test-{uuid.uuid4().hex}"

    run_state_machine_as_test(WithRedis, settings=settings(SETTINGS, max_examples=6))
