"""A session under a clock that stands still, and records and events as the two kinds of gateway send them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from scanwatch.client._actions import Action, Heard, Subscribe
from scanwatch.client._session import Session
from scanwatch.model import Event, Job, ScanRecord, ScanStatus
from scanwatch.snapshot import Snapshot
from tests.strategies import SCAN_ID, START

A = TypeVar("A", bound=Action)


class Conversation:
    """A session, what it asked for, and the events it announced."""

    def __init__(self) -> None:
        self.now = 100.0
        self.session = Session("http://gateway/", lambda: self.now, self.utc)
        self.actions: list[Action] = []
        self._heard: list[Event] = []

    def utc(self) -> datetime:
        return START.astimezone(UTC) + timedelta(seconds=self.now - 100.0)

    def take(self, kind: type[A]) -> list[A]:
        """The actions of one kind since the last look; the others stay to be looked at."""
        self._collect()
        taken = [action for action in self.actions if isinstance(action, kind)]
        self.actions = [action for action in self.actions if not isinstance(action, kind)]
        return taken

    def pass_time(self, seconds: float, kind: type[A], step: float = 0.1) -> list[tuple[float, A]]:
        """Let time pass in steps; what was asked of one kind, and when."""
        asked = []
        for _ in range(round(seconds / step)):
            self.now += step
            self.session.tick()
            asked += [(round(self.now - 100.0, 3), action) for action in self.take(kind)]
        return asked

    def _collect(self) -> None:
        for action in self.session.take():
            if isinstance(action, Heard):
                self._heard += action.events
            self.actions.append(action)

    def hear(self, *events: Event) -> None:
        for event in events:
            self.session.heard(event)
            self._collect()

    @property
    def heard(self) -> list[Event]:
        """The events announced so far."""
        self._collect()
        return self._heard

    @property
    def snapshot(self) -> Snapshot:
        self._collect()
        return self.session.scans[SCAN_ID].snapshot


def greeted() -> Conversation:
    """Joined to a gateway of ours."""
    conversation = Conversation()
    conversation.session.joined()
    conversation.session.greeted()
    return conversation


def in_the_field() -> Conversation:
    """Joined to a gateway that says no hello, with one scan watched."""
    conversation = Conversation()
    conversation.session.joined()
    conversation.session.watch(SCAN_ID)
    return conversation


def subscribed() -> Conversation:
    """One scan of ours watched from its first event on."""
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    [request] = conversation.take(Subscribe)
    conversation.session.acknowledged(request, [(Snapshot(SCAN_ID), [])])
    return conversation


def record(status: ScanStatus, job: str | None = None, percent: int | None = None, **more: Any) -> ScanRecord:
    known = ScanRecord(SCAN_ID, "r-1", status, START, job=None if job is None else Job(job, percent))
    return replace(known, **more)
