"""The watching client: connects to a gateway, follows scans through whatever the network does, hands out handles."""

from __future__ import annotations

from ._async import AsyncClient
from ._batch import AsyncBatch, Batch, NotStarted
from ._handle import AsyncScan, Scan
from ._recorder import Recording
from ._replay import replay
from ._sync import Client
from ._together import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, as_completed, wait

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "AsyncBatch",
    "AsyncClient",
    "AsyncScan",
    "Batch",
    "Client",
    "NotStarted",
    "Recording",
    "Scan",
    "as_completed",
    "replay",
    "wait",
]
