"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any


async def end_tasks(*tasks: asyncio.Task[Any], again_s: float = 0.5, within_s: float = 5.0) -> None:
    """Cancel ``tasks`` and wait until they have ended; what they raise is theirs.

    They are cancelled again every ``again_s``, which is what they have for their last words: redis-py loses a
    cancellation that comes while it looks whether a connection still lives.
    """
    left = {task for task in tasks if not task.done()}
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + within_s
    while left and loop.time() < give_up_at:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
