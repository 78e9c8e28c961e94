"""A worker as a process of its own: what it can be told, how it lives, what it counts."""

from __future__ import annotations

from ._configuration import WORKER_OPTIONS, WorkerConfig
from ._process import run_worker

__all__ = ["WORKER_OPTIONS", "WorkerConfig", "run_worker"]
