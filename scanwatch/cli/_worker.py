"""``scanwatch worker``: a worker in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from .._worker import WORKER_OPTIONS, WorkerConfig, run_worker
from ..gateway import gather, log_to
from ._serve import typed


def worker(arguments: argparse.Namespace) -> int:
    """Take jobs until a signal."""
    values = gather(
        WORKER_OPTIONS, flags=typed(WORKER_OPTIONS, arguments), environment=os.environ, file=arguments.config
    )
    config = WorkerConfig(**values)
    with log_to(level=config.log_level, style=config.log_format):
        asyncio.run(run_worker(config, lambda port: _say_ready(config, port)))
    return 0


def _say_ready(config: WorkerConfig, port: int | None) -> None:
    metrics = "" if port is None else f"; metrics at http://{config.metrics_host}:{port}/metrics"
    sys.stdout.write(f"Worker ready: {config.concurrency} scans at once{metrics}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
