"""The life of a worker's process: open the store, take jobs until a signal, finish or hand back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from ..gateway import stop_on_signals
from ..jobs import SystemClock
from ..storage import open_store
from ._configuration import WorkerConfig
from ._metrics import metrics_served


async def run_worker(config: WorkerConfig, on_ready: Callable[[int | None], None] | None = None) -> None:
    """Run a worker until SIGINT or SIGTERM; call it on the main thread, which signals reach.

    ``on_ready`` is called once it takes jobs, with the port of its metrics.

    Raises:
        ConfigurationError: the store's URL is wrong, or metrics cannot be answered where they should be.
        StoreError: the store cannot be used.
    """
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with AsyncExitStack() as ending:
            port = await _start(config, ending)
            if on_ready is not None:
                on_ready(port)
            await stop.wait()


async def _start(config: WorkerConfig, ending: AsyncExitStack) -> int | None:
    from ..jobs._bullmq import BullWorker, Housekeeper, QueueSettings, open_queue

    clock = SystemClock()
    store = open_store(config.store)
    ending.push_async_callback(store.close)
    await store.open()
    settings = QueueSettings(lock_s=config.lock_s, stalled_check_s=config.stalled_check_s)
    queue = open_queue(config.store, store, settings, prefix=config.queue_prefix)
    ending.push_async_callback(queue.close)
    housekeeper = Housekeeper(store, queue, clock, repo_url=config.repo_url)
    ending.push_async_callback(housekeeper.stop)
    housekeeper.start()
    worker = BullWorker(
        store,
        queue,
        concurrency=config.concurrency,
        max_events_per_s=config.max_events_per_s,
        repo_url=config.repo_url,
        clock=clock,
    )
    port = ending.enter_context(metrics_served(worker, config))
    ending.push_async_callback(worker.stop, timeout_s=config.grace_s)
    await worker.start()
    return port
