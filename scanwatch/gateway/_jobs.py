"""Who runs a gateway's scans: a worker in its own process, or, with a store that is shared, workers elsewhere."""

from __future__ import annotations

from ..jobs import Clock, EmbeddedQueue, Queue, Worker, Workers
from ..storage import Store, is_shared
from ._configuration import GatewayConfig


def make_jobs(config: GatewayConfig, store: Store, clock: Clock) -> tuple[Queue, Workers]:
    """The queue that scans are put into, and whoever takes them out; not yet started."""
    if is_shared(config.store):
        return _remote(config, store, clock)
    queue = EmbeddedQueue()
    worker = Worker(
        store,
        queue,
        concurrency=config.concurrency,
        attempts=config.attempts,
        backoff_s=config.backoff_s,
        max_events_per_s=config.max_events_per_s,
        clock=clock,
    )
    return queue, worker


def run_at_once(config: GatewayConfig) -> int | None:
    """How many scans of the queue run at once; ``None`` where workers elsewhere come and go."""
    return None if is_shared(config.store) else config.concurrency


def _remote(config: GatewayConfig, store: Store, clock: Clock) -> tuple[Queue, Workers]:
    from ..jobs._bullmq import QueueSettings, RemoteWorkers, open_queue

    settings = QueueSettings(attempts=config.attempts, backoff_s=config.backoff_s)
    queue = open_queue(config.store, store, settings, prefix=config.queue_prefix)
    return queue, RemoteWorkers(store, queue, clock=clock)
