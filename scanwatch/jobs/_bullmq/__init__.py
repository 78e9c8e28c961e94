"""The queue of many processes: BullMQ in Redis, shared with whatever else speaks it.

``_queue`` puts jobs in and looks after them, ``_worker`` takes and runs them, ``_remote`` is what a gateway has instead
of a worker of its own. One process at a time (``_lease``) is the ``_housekeeper``: ``_sweeper`` mends what a crash left
between the log and the queue, ``_bridge`` writes into the log what workers that are not ours report.
"""

from __future__ import annotations

from ._housekeeper import Housekeeper
from ._queue import BullQueue, QueueSettings, open_queue
from ._remote import RemoteWorkers
from ._worker import BullWorker

__all__ = ["BullQueue", "BullWorker", "Housekeeper", "QueueSettings", "RemoteWorkers", "open_queue"]
