"""The queue ``scanner``: jobs go in, are taken out, and are looked at; BullMQ keeps them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import bullmq
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ... import wire
from ...storage import ScanStore
from ...storage._redis import RedisAddress, parse_address
from ...storage._redis._address import DEFAULT_PREFIX
from ...storage._redis._answers import ANSWER_S, Answers

T = TypeVar("T")

OURS = "scanwatch-"
"""How the lock of a job begins that one of our workers holds."""

MARK = "scanwatchClaim"
"""The field of a job in which our workers note which of its claims was theirs."""

BLOCKED_S = 30.0
"""How long BullMQ's worker waits for an answer: longer than it blocks, or it would take that for a lost connection."""

CONNECT_S = 3.0

NAMES_S = 7 * 24 * 3600
"""How long it is known which job is a scan's, where another producer gave it an id of its own."""

CLAIMED_S = 60
"""How long it is known which prefix a process that is gone has used."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How the queue is used; every process of an installation needs the same ``prefix``.

    Jobs that are put in get ``attempts`` and ``backoff_s``, the time before the second one.
    ``lock_s`` is how long a job stays its worker's without a sign of life, ``stalled_check_s`` how often somebody looks
    for jobs whose worker was lost.
    """

    prefix: str = "bull"
    attempts: int = 3
    backoff_s: float = 5.0
    lock_s: float = 10.0
    stalled_check_s: float = 5.0


@dataclass(frozen=True, slots=True)
class JobState:
    """What the queue has of a scan's job. One that completed keeps the ``failed_reason`` of an earlier attempt."""

    ended: bool
    completed: bool = False
    failed_reason: str | None = None
    returned: Any = None


def connect(address: RedisAddress, answer_s: float = BLOCKED_S) -> redis.asyncio.Redis:
    """A client for BullMQ: nothing is repeated behind its back, it repeats what may be repeated."""
    return redis.asyncio.Redis(
        **address.options(),
        decode_responses=True,
        socket_timeout=answer_s,
        socket_connect_timeout=CONNECT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def open_queue(url: str, store: ScanStore, settings: QueueSettings, *, prefix: str | None = None) -> BullQueue:
    """The queue beside the store that ``url`` names; it connects when it is used first.

    ``prefix`` is that of BullMQ's keys: ``bull``, as everywhere, unless the store has a prefix of its own.
    """
    address = parse_address(url)
    own = settings.prefix if address.prefix == DEFAULT_PREFIX else address.prefix
    return BullQueue(address, store, replace(settings, prefix=prefix or own))


class BullQueue:
    """The scans that wait for a worker, in the order in which they came; as in ``Queue``."""

    def __init__(self, address: RedisAddress, store: ScanStore, settings: QueueSettings) -> None:
        self.settings = settings
        self.address = address
        self.client: Any = connect(address, ANSWER_S)  # redis-py's answers are typed as anything it might answer
        self._answers = Answers(address, self.client.ping, worked=True)  # the store beside it was opened first
        self._store = store
        self._queue = bullmq.Queue(wire.QUEUE, {"connection": self.client, "prefix": settings.prefix})

    def key(self, name: str) -> str:
        """The name of one of BullMQ's keys: ``wait``, ``events``, the id of a job."""
        return f"{self.settings.prefix}:{wire.QUEUE}:{name}"

    async def close(self) -> None:
        """Close the connections."""
        await self._answers.close()
        await self.client.aclose()

    async def enqueue(self, scan_id: str) -> None:
        """As in ``Queue.enqueue``."""
        await self.put(scan_id)

    async def put(self, scan_id: str, *, runs: int = 0) -> None:
        """Put a scan at the end, with the ``runs`` it has had before it had this job."""
        request = await self._store.request(scan_id)
        attempts, backoff_s = self.settings.attempts, self.settings.backoff_s
        options = wire.job_options(scan_id, attempts=attempts, backoff_s=backoff_s, runs=runs)
        await self.said(self._queue.add(wire.JOB, wire.encode_job(request), options))

    async def discard(self, scan_id: str) -> bool:
        """As in ``Queue.discard``: only while nobody holds it, and not once it has ended."""
        state = (await self.look([scan_id]))[scan_id]
        if state is None or state.ended:
            return False
        return bool(await self.said(self._queue.remove(await self._job_id(scan_id))))

    async def take_out_ended(self, scan_id: str) -> None:
        """Remove a job that has ended, so that its scan can be put in anew."""
        await self.said(self._queue.remove(await self._job_id(scan_id)))

    async def position(self, scan_id: str) -> int | None:
        """As in ``Queue.position``; a scan between two attempts has none."""
        waiting = await self.said(self.client.lpos(self.key("wait"), await self._job_id(scan_id)))
        if waiting is None:
            return None
        return int(await self.said(self.client.llen(self.key("wait")))) - int(waiting)

    async def look(self, scan_ids: Iterable[str]) -> dict[str, JobState | None]:
        """What there is of the jobs of these scans; ``None`` where there is no job."""
        wanted = list(scan_ids)
        if not wanted:
            return {}
        named = await self.said(self.client.mget([self._name(scan_id) for scan_id in wanted]))
        pipeline = self.client.pipeline(transaction=False)
        for scan_id, name in zip(wanted, named, strict=True):
            pipeline.hmget(self.key(name or scan_id), "data", "finishedOn", "failedReason", "returnvalue")
        rows = await self.said(pipeline.execute())
        return {scan_id: _state(*row) for scan_id, row in zip(wanted, rows, strict=True)}

    async def note_job_id(self, scan_id: str, job_id: str) -> None:
        """Remember that another producer gave the job of a scan an id of its own."""
        await self.said(self.client.set(self._name(scan_id), job_id, ex=NAMES_S))

    async def _job_id(self, scan_id: str) -> str:
        return await self.said(self.client.get(self._name(scan_id))) or scan_id

    def _name(self, scan_id: str) -> str:
        return f"{self.address.prefix}:jobs:name:{scan_id}"

    async def job(self, job_id: str) -> Any:
        """A job as it is now."""
        return await self.said(self._queue.getJob(job_id))

    async def mark(self, job: bullmq.Job) -> None:
        """Note in a job that this claim of it is a worker's of ours."""
        await self.said(self.client.hset(self.key(job.id), MARK, job.attemptsStarted))

    async def ours_of(self, job_ids: Iterable[str]) -> frozenset[str]:
        """Those of these jobs that one of our workers took last, or that are gone."""
        asked = list(job_ids)
        if not asked:
            return frozenset()
        pipeline = self.client.pipeline(transaction=False)
        for job_id in asked:
            pipeline.hmget(self.key(job_id), "ats", MARK)
        claims = await self.said(pipeline.execute())
        return frozenset(
            job_id for job_id, (ats, ours) in zip(asked, claims, strict=True) if ats is None or ats == ours
        )

    async def holder_is_ours(self, job_id: str) -> bool | None:
        """Whether one of our workers holds a job now; ``None`` if nobody does."""
        holder = await self.said(self.client.get(self.key(f"{job_id}:lock")))
        return None if holder is None else str(holder).startswith(OURS)

    async def claim_name(self) -> None:
        """Tell the other processes of this store below which prefix its jobs are."""
        await self.said(self.client.set(self._used(), self.settings.prefix, ex=CLAIMED_S))

    async def other_name(self) -> str | None:
        """The prefix that another process of this store uses for its jobs, if it is not ours."""
        used = await self.said(self.client.get(self._used()))
        return None if used is None or used == self.settings.prefix else str(used)

    def _used(self) -> str:
        return f"{self.address.prefix}:jobs:prefix"

    async def said(self, asked: Awaitable[T]) -> T:
        """The answer of Redis.

        Raises:
            StoreError: there is none, in words.
        """
        return await self._answers.to(asked)


def _state(data: str | None, finished: str | None, reason: str | None, returned: str | None) -> JobState | None:
    if data is None:
        return None
    try:
        value = None if returned is None else json.loads(returned)
    except ValueError:
        value = returned
    return JobState(finished is not None, returned is not None, reason, value)
