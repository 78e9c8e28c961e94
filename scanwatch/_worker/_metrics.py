"""Counts and gauges of one worker for Prometheus, answered on a port of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import ConfigurationError
from ._configuration import WorkerConfig

if TYPE_CHECKING:
    from ..jobs._bullmq import BullWorker


class WorkerMetrics(Collector):
    """The metrics of one worker."""

    def __init__(self, worker: BullWorker, concurrency: int) -> None:
        self._worker = worker
        self._concurrency = concurrency

    def collect(self) -> Iterator[Metric]:
        """What the worker counts, as it stands."""
        yield GaugeMetricFamily("scanwatch_worker_up", "Whether jobs are taken.", int(self._worker.working))
        yield GaugeMetricFamily("scanwatch_worker_concurrency", "Scans that may run at once.", self._concurrency)
        yield GaugeMetricFamily("scanwatch_scans_running", "Scans the worker runs.", len(self._worker.running))
        ended = CounterMetricFamily("scanwatch_worker_scans_ended", "Scans ended here, by their end.", labels=["end"])
        for end, many in dict(self._worker.ended).items():
            ended.add_metric([end], many)
        yield ended
        yield CounterMetricFamily(
            "scanwatch_worker_handed_back", "Scans given back to the queue unfinished.", self._worker.handed_back
        )
        yield CounterMetricFamily(
            "scanwatch_worker_locks_lost", "Scans that another worker took over.", self._worker.locks_lost
        )


@contextmanager
def metrics_served(worker: BullWorker, config: WorkerConfig) -> Iterator[int | None]:
    """Answer ``/metrics`` meanwhile, if a port was given; gives the port.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    if config.metrics_port is None:
        yield None
        return
    registry = CollectorRegistry()
    registry.register(WorkerMetrics(worker, config.concurrency))
    try:
        server, thread = start_http_server(config.metrics_port, config.metrics_host, registry)
    except OSError as error:
        where = f"{config.metrics_host}, port {config.metrics_port}"
        raise ConfigurationError(f"Metrics cannot be answered on {where}: {error.strerror or error}.") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
