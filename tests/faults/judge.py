"""Watchers that write down what they hear, and the guarantees that hold of it whatever happened."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scanwatch import Client, wire
from scanwatch.errors import GatewayError
from scanwatch.model import Event

PATIENCE_S = 120.0


@dataclass(slots=True)
class Heard:
    """What one watcher heard of one scan, in the order in which it came."""

    seqs: list[int] = field(default_factory=list)
    merged_from: dict[int, int] = field(default_factory=dict)
    ends: int = 0

    def take(self, event: Event) -> None:
        assert event.seq is not None
        self.seqs.append(event.seq)
        if event.merged_from is not None:
            self.merged_from[event.seq] = event.merged_from
        self.ends += event.terminal


class Watcher:
    """A client that watches scans and forgets nothing it hears."""

    def __init__(self, url: str) -> None:
        self.client = Client(url)
        self.heard: dict[str, Heard] = {}

    def watch(self, scan_id: str) -> None:
        heard = self.heard[scan_id] = Heard()
        patiently(lambda: self.client.attach(scan_id)).on_event(heard.take)

    def trigger(self, target: str) -> str:
        """Start a scan and watch it, however often the gateway has to be asked."""
        scan_id: str = patiently(lambda: self.client.scan(target)).id
        self.watch(scan_id)
        return scan_id

    def close(self) -> None:
        self.client.close()


def patiently(ask: Any) -> Any:
    """The answer, once there is one."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except GatewayError:
            assert time.monotonic() < give_up_at, "no gateway answers"
            time.sleep(0.1)


@dataclass(slots=True)
class Verdict:
    """What was counted over all scans and watchers: everything but the first three has to be nothing."""

    scans: int = 0
    events: int = 0
    heard: int = 0
    unfinished: int = 0
    lost: int = 0
    duplicated: int = 0
    disordered: int = 0
    ends_missing_or_repeated: int = 0

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(*(getattr(self, name) + getattr(other, name) for name in Verdict.__slots__))

    @property
    def clean(self) -> bool:
        return not any(getattr(self, name) for name in list(Verdict.__slots__)[3:])


def judge(url: str, accepted: Iterable[str], watchers: Iterable[Watcher], timeout_s: float = PATIENCE_S) -> Verdict:
    """Wait until every scan has ended and every watcher has heard of it, then count what went wrong."""
    verdict = Verdict()
    give_up_at = time.monotonic() + timeout_s
    watchers = list(watchers)
    for scan_id in _every(url) | set(accepted):
        while not _ended(url, scan_id) and time.monotonic() < give_up_at:
            time.sleep(0.1)
        history = _history(url, scan_id)
        verdict += _of_history(history)
        for watcher in watchers:
            if scan_id in watcher.heard:
                heard = watcher.heard[scan_id]
                while not heard.ends and time.monotonic() < give_up_at:
                    time.sleep(0.02)
                verdict += _of_watcher(heard, len(history))
    return verdict


def _of_history(history: list[dict[str, Any]]) -> Verdict:
    seqs = [row["payload"]["seq"] for row in history]
    ends = [row for row in history if not row["event"].endswith(":progress")]
    return Verdict(
        scans=1,
        events=len(history),
        unfinished=not ends,
        lost=len(set(range(1, len(seqs) + 1)) - set(seqs)),
        duplicated=len(seqs) - len(set(seqs)),
        disordered=seqs != sorted(seqs),
        ends_missing_or_repeated=len(ends) != 1 or history[-1] is not ends[-1],
    )


def _of_watcher(heard: Heard, events: int) -> Verdict:
    covered: set[int] = set()
    for seq in heard.seqs:
        covered |= set(range(heard.merged_from.get(seq, seq), seq + 1))
    return Verdict(
        heard=len(heard.seqs),
        lost=len(set(range(1, events + 1)) - covered),
        duplicated=len(heard.seqs) - len(set(heard.seqs)),
        disordered=heard.seqs != sorted(heard.seqs),
        ends_missing_or_repeated=heard.ends != 1,
    )


def _ended(url: str, scan_id: str) -> bool:
    return _get(url, wire.paths.scan(scan_id))["status"] in ("completed", "failed", "cancelled")


def history_of(url: str, scan_id: str) -> list[dict[str, Any]]:
    """The payloads of a scan's events."""
    return [row["payload"] for row in _history(url, scan_id)]


def _history(url: str, scan_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = _get(url, f"{wire.paths.events(scan_id)}?after={after}&limit=1000")
        rows += page["data"]
        after = page["next"]
    return rows


def _every(url: str) -> set[str]:
    """The ids of all scans, those whose acceptance was lost on the way to whoever asked included."""
    ids: set[str] = set()
    page = 1
    while True:
        answer = _get(url, f"{wire.paths.scans}?page={page}&limit=100")
        ids |= {row["id"] for row in answer["data"]}
        if not answer["pagination"]["hasNext"]:
            return ids
        page += 1


def _get(url: str, path: str) -> Any:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/{path.lstrip('/')}", timeout=20) as answer:
                return json.loads(answer.read())
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)
