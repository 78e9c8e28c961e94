"""Counts and gauges of one gateway for Prometheus: its own registry, so that two in one process do not mix."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import StoreError
from ..jobs import Clock, Workers
from ..model import WAITING, Event, ScanStatus
from ..storage import ScanFilter, Store

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""The upper ends of the latency histogram."""


class Traffic(Protocol):
    """What the fan-out says of itself, counted since the start."""

    delivered: int
    merged: int
    aborted: int

    @property
    def behind(self) -> int:
        """How many clients are behind."""
        ...


class Clients(Protocol):
    """What the conversations say of their clients."""

    @property
    def clients(self) -> Tally[str]:
        """How many there are by dialect."""
        ...


class Pictures(Protocol):
    """What the hub says of itself."""

    gaps: int


class Connections(Protocol):
    """What the engine says of its connections."""

    def connections(self) -> Tally[str]:
        """How many there are by transport."""
        ...


@dataclass(frozen=True, slots=True)
class _Scans:
    """What a scrape reads from the store."""

    by_status: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    oldest_age_s: float = 0.0
    store_up: bool = True


class Metrics(Collector):
    """The metrics of one gateway."""

    def __init__(
        self,
        *,
        store: Store,
        worker: Workers,
        hub: Pictures,
        traffic: Traffic,
        engine: Connections,
        talk: Clients,
        clock: Clock,
    ) -> None:
        self._store = store
        self._worker = worker
        self._hub = hub
        self._traffic = traffic
        self._engine = engine
        self._talk = talk
        self._clock = clock
        self._scans = _Scans()
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "scanwatch_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "scanwatch_http_request_duration_seconds",
            "Time to answer a request.",
            ["method", "route"],
            buckets=LATENCY_S,
            registry=self._registry,
        )
        self._appended: Tally[str] = Tally()
        self._errors = Counter("scanwatch_errors", "Faults of the gateway's own.", ["where"], registry=self._registry)
        self._registry.register(self)

    def hear(self, events: Sequence[Event]) -> None:
        """Count events of the store, without the lock of a ``Counter``: this is on the way of every event."""
        for event in events:
            self._appended[event.kind] += 1

    def answered(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count an answer; a 5xx that is no refusal counts as an error too."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(duration_s)
        if status == 500:
            self._errors.labels("rest").inc()

    async def render(self) -> bytes:
        """Everything in the text format of Prometheus."""
        self._scans = await self._read()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What others count, as it stands."""
        yield _gauges("scanwatch_scans", "Scans kept, by status.", "status", self._scans.by_status)
        yield GaugeMetricFamily("scanwatch_queue_length", "Scans that wait.", self._scans.waiting)
        yield GaugeMetricFamily(
            "scanwatch_queue_oldest_age_seconds",
            "How long the scan that waits longest has waited.",
            self._scans.oldest_age_s,
        )
        yield GaugeMetricFamily("scanwatch_scans_running", "Scans the worker runs.", len(self._worker.running))
        yield _gauges("scanwatch_connections", "Connections, by transport.", "transport", self._engine.connections())
        yield _gauges("scanwatch_clients", "Clients, by dialect.", "dialect", self._talk.clients)
        yield GaugeMetricFamily("scanwatch_clients_behind", "Clients that read too slowly.", self._traffic.behind)
        events = CounterMetricFamily("scanwatch_events_appended", "Events appended to the log.", labels=["kind"])
        for kind, many in self._appended.items():
            events.add_metric([kind], many)
        yield events
        yield CounterMetricFamily("scanwatch_deliveries", "Messages written to clients.", value=self._traffic.delivered)
        yield CounterMetricFamily(
            "scanwatch_merged_events", "Progress events that another one stood for.", value=self._traffic.merged
        )
        yield CounterMetricFamily("scanwatch_clients_cut_off", "Clients cut off.", value=self._traffic.aborted)
        yield GaugeMetricFamily("scanwatch_store_up", "Whether the store can be used.", int(self._scans.store_up))
        yield CounterMetricFamily(
            "scanwatch_feed_gaps", "Times that events of a shared store went by unheard and were read.", self._hub.gaps
        )

    async def _read(self) -> _Scans:
        by_status = {
            str(status): (await self._store.scans(ScanFilter(status=frozenset({status})), limit=1)).total
            for status in ScanStatus
        }
        waiting = sum(by_status[status] for status in WAITING)
        return _Scans(by_status, waiting, await self._oldest_age_s(waiting), await self._store_up())

    async def _store_up(self) -> bool:
        try:
            await self._store.check()
        except StoreError:
            return False
        return True

    async def _oldest_age_s(self, waiting: int) -> float:
        if not waiting:
            return 0.0
        last = await self._store.scans(ScanFilter(status=WAITING), page=waiting, limit=1)
        created = [row.created_at for row in last.rows if row.created_at is not None]
        return max(0.0, (self._clock.now() - created[0]).total_seconds()) if created else 0.0


def _gauges(name: str, words: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
