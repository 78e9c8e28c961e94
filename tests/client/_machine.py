"""A session against a model of a gateway and of the network between them, one step after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scanwatch.client._actions import Action, FetchEvents, ListScans, Read, Subscribe
from scanwatch.client._pace import FLOWING_EVERY_S, HURRY_S, SILENT_EVERY_S
from scanwatch.errors import GatewayUnreachable
from scanwatch.model import Event, ScanStatus
from scanwatch.snapshot import Snapshot
from tests.client._conversation import Conversation
from tests.strategies import SCAN_ID

UNREACHABLE = GatewayUnreachable("nothing answers")
OTHER_ID = "11111111-c415-4eef-b3cc-841fd3bac1df"
PAGE_EVENTS = 3
TICK_S = 0.1
SLACK_S = TICK_S + 1e-6

waits = st.sampled_from([0.1, 0.3, 0.6, 1.0, 2.1, 5.0, 16.0, 70.0])
indices = st.integers(0, 30)


class Machine(RuleBasedStateMachine):
    """What both dialects have in common: time, the connection, what is on its way, and what must hold after each step.

    ``sent`` is every event the gateway ever sent; ``on_the_way`` those that may still arrive; ``asked`` the requests
    that are not yet answered.
    """

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()
        self.session = self.conversation.session
        self.sent: list[Event] = []
        self.on_the_way: list[Event] = []
        self.asked: list[Any] = []
        self.read_at: list[float] = []
        self.hurried_at: list[float] = []
        self.last_event_at = float("-inf")
        self.ended_as: ScanStatus | None = None

    @property
    def now(self) -> float:
        return self.conversation.now

    @property
    def snapshot(self) -> Snapshot | None:
        watched = self.session.scans.get(SCAN_ID)
        return None if watched is None else watched.snapshot

    def history(self) -> list[Event]:
        return self.session.scans[SCAN_ID].events if SCAN_ID in self.session.scans else []

    def hear(self, event: Event) -> None:
        self.session.heard(event)
        if event.scan_id == SCAN_ID and SCAN_ID in self.session.scans:
            self.last_event_at = self.now
            if event.terminal:
                self.hurried_at.append(self.now)
        self.collect()

    def collect(self) -> None:
        """Note what the session wants, and hold its reads to their pace."""
        for kind in (Subscribe, FetchEvents, Read, ListScans):
            for action in self.conversation.take(kind):
                if isinstance(action, Read) and action.scan_id == SCAN_ID:
                    self.check_pace()
                self.asked.append(self.as_asked(action))

    def as_asked(self, action: Action) -> Any:
        """A request with what its answer will be made of: it may be answered late, with what was true when it came."""
        return action

    def check_pace(self) -> None:
        """Two a second for two seconds after it happened; else one in two seconds, fifteen while events flow."""
        before, self.read_at = self.read_at, [*self.read_at, self.now]
        if not before:
            return
        pause = self.now - before[-1]
        hurried = max(self.hurried_at)
        assert pause >= 0.5 - 1e-6, "two a second at most"
        if before[-1] <= hurried or self.now <= hurried + HURRY_S + SLACK_S:
            return  # the first after something happened, or within its two seconds
        assert pause >= SILENT_EVERY_S - 1e-6
        if self.now < self.last_event_at + FLOWING_EVERY_S:
            assert pause >= FLOWING_EVERY_S - 1e-6, "events flow"

    # -- steps ---------------------------------------------------------------------------------------------------

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.conversation.now += TICK_S
            self.session.tick()
            self.collect()

    @rule(index=indices)
    @precondition(lambda self: self.on_the_way)
    def an_event_arrives(self, index: int) -> None:
        """Any of those on their way: they may overtake each other."""
        self.hear(self.on_the_way.pop(index % len(self.on_the_way)))

    @rule()
    @precondition(lambda self: self.on_the_way)
    def the_oldest_event_arrives(self) -> None:
        self.hear(self.on_the_way.pop(0))

    @rule(index=indices)
    @precondition(lambda self: self.on_the_way)
    def an_event_is_lost(self, index: int) -> None:
        self.on_the_way.pop(index % len(self.on_the_way))

    @rule(index=indices)
    @precondition(lambda self: self.sent)
    def an_event_arrives_again(self, index: int) -> None:
        self.hear(self.sent[index % len(self.sent)])

    @rule()
    @precondition(lambda self: self.sent)
    def an_event_of_another_scan_arrives(self) -> None:
        self.hear(replace(self.sent[-1], scan_id=OTHER_ID))

    @rule()
    def nonsense_arrives(self) -> None:
        before = self.session.connection.not_understood
        self.session.nonsense_heard()
        assert self.session.connection.not_understood == before + 1

    @rule(keeps=st.booleans())
    def the_connection_breaks_and_is_made_again(self, keeps: bool) -> None:
        """What was on its way is lost with it, or comes late all the same."""
        self.session.left("cut")
        self.collect()
        if not keeps:
            self.on_the_way.clear()
        self.join()

    def join(self) -> None:
        self.session.joined()
        self.hurried_at.append(self.now)
        self.collect()

    @rule(number=st.integers(1, 9))
    def the_gateway_moves(self, number: int) -> None:
        before = self.snapshot
        self.session.moved(f"http://gateway-{number}/")
        assert self.session.connection.gateway == f"http://gateway-{number}/"
        assert self.snapshot is before

    @rule(index=indices)
    @precondition(lambda self: self.asked)
    def a_request_is_answered(self, index: int) -> None:
        self.answer(self.asked.pop(index % len(self.asked)), well=True)
        self.collect()

    @rule(index=indices)
    @precondition(lambda self: self.asked)
    def a_request_fails(self, index: int) -> None:
        self.answer(self.asked.pop(index % len(self.asked)), well=False)
        self.collect()

    def answer(self, request: Any, *, well: bool) -> None:
        raise NotImplementedError

    # -- what must hold after each of them -----------------------------------------------------------------------

    @invariant()
    def no_event_is_invented_and_none_is_there_twice(self) -> None:
        type(self).steps += 1
        history = self.history()
        assert all(event in self.sent for event in history)
        assert len(history) == len({id_of(event) for event in history})
        assert history == sorted(history, key=lambda event: event.time)
        announced = [event.time for event in self.conversation.heard]
        assert announced == sorted(set(announced))
        assert all(event in self.sent for event in self.conversation.heard)

    @invariant()
    def all_is_done_only_with_the_confirmed_end(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        assert (snapshot.progress_percent == 100) is (snapshot.status is ScanStatus.COMPLETED)
        if snapshot.terminal:
            assert self.may_have_ended(), "nothing has confirmed an end"

    def may_have_ended(self) -> bool:
        raise NotImplementedError

    @invariant()
    def an_end_stays_as_it_is(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        if self.ended_as is not None:
            assert snapshot.status is self.ended_as
        if snapshot.terminal:
            self.ended_as = snapshot.status


def id_of(event: Event) -> tuple[object, ...]:
    return (event.seq, event.time, event.kind, event.progress_percent, event.step)
