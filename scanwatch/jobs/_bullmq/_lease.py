"""Which of many processes does what only one may do: whoever holds a key in Redis that expires."""

from __future__ import annotations

from uuid import uuid4

from ._queue import BullQueue

LEASE_S = 10.0

_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Lease:
    """A right that one process has at a time and keeps for as long as it renews it."""

    def __init__(self, queue: BullQueue, key: str, *, lease_s: float = LEASE_S) -> None:
        self._queue = queue
        self._key = key
        self._mine = uuid4().hex
        self._lease_ms = round(lease_s * 1000)
        self._renew = queue.client.register_script(_RENEW)
        self._release = queue.client.register_script(_RELEASE)

    async def hold(self) -> bool:
        """Take the right, or keep it; false if another process has it."""
        if await self._queue.said(self._renew(keys=[self._key], args=[self._mine, self._lease_ms])):
            return True
        return bool(await self._queue.said(self._queue.client.set(self._key, self._mine, nx=True, px=self._lease_ms)))

    async def release(self) -> None:
        """Let go of it, if it is ours."""
        await self._queue.said(self._release(keys=[self._key], args=[self._mine]))
