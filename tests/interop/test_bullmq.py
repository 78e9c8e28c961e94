"""One queue, two languages: Node's BullMQ gives us jobs, takes ours, and Bull Board reads them.

@gxp-spec SPEC-003-006 "Shared queue and workers"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from scanwatch import AsyncClient
from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.jobs._bullmq import BullWorker, QueueSettings, open_queue
from scanwatch.model import ScanStatus
from scanwatch.storage import open_store
from tests.jobs.bench import until

pytestmark = pytest.mark.needs("redis", "node", "npm")

PEER = Path(__file__).with_name("queue_peer.mjs")
NODE_TIMEOUT_S = 90
PATIENCE_S = 60
NEWEST = "bullmq"
OLDER = [pytest.param(name, marks=pytest.mark.slow) for name in ("bullmq-5", "bullmq-5-9")]
EVERY_VERSION = pytest.mark.parametrize("version", [NEWEST, *OLDER])


class Stage:
    """Two gateways on one Redis, and whatever a test adds."""

    def __init__(self, url: str, ending: AsyncExitStack) -> None:
        self.url = url
        self.port = url.partition("127.0.0.1:")[2].partition("/")[0]
        self.prefix = url.rpartition("=")[2]
        self.ending = ending
        self.gateways: list[Gateway] = []
        self.clients: list[AsyncClient] = []

    async def open(self) -> None:
        for _ in range(2):
            config = GatewayConfig(port=0, store=self.url, max_events_per_s=0)
            gateway = await self.ending.enter_async_context(Gateway(config))
            self.gateways.append(gateway)
            self.clients.append(await self.ending.enter_async_context(AsyncClient(gateway.url)))

    async def worker(self, repo_url: str) -> BullWorker:
        """One of our own, with a store of its own as in another process."""
        store = open_store(self.url)
        await store.open()
        self.ending.push_async_callback(store.close)
        queue = open_queue(self.url, store, QueueSettings())
        self.ending.push_async_callback(queue.close)
        worker = BullWorker(store, queue, repo_url=repo_url)
        self.ending.push_async_callback(worker.stop, 0)
        await worker.start()
        return worker


@pytest_asyncio.fixture
async def stage(redis_url: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as ending:
        made = Stage(redis_url, ending)
        await made.open()
        yield made


async def node(peers: Path, stage: Stage, role: str, version: str, argument: str) -> list[Any]:
    """What the peer says, once it has ended."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(PEER), role, version, stage.port, stage.prefix, argument),
        env={**os.environ, "PEERS": str(peers)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(NODE_TIMEOUT_S):
            said, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in said.splitlines()]


@EVERY_VERSION
async def test_a_node_producers_job_runs_here_and_shows_in_the_panel(stage: Stage, peers: Path, version: str) -> None:
    panel = await stage.clients[1].watch()
    await stage.worker("sim://{owner}/{repo}?files=20&duration_s=1")
    scan_id = str(uuid4())
    data = {"repositoryId": str(uuid4()), "scanId": scan_id, "owner": "acme", "repo": "ledger"}
    (told,) = await node(peers, stage, "produce", version, json.dumps(data))
    assert (told["state"], told["progress"], told["attemptsMade"]) == ("completed", 100, 1)
    assert told["result"]["status"] == "completed"
    assert told["result"]["artifactsCreated"] > 0
    assert told["heard"] == sorted(told["heard"])
    await until(lambda: "acme/ledger" in str(panel) and "completed" in str(panel).lower(), PATIENCE_S)
    scan = await stage.clients[0].attach(scan_id)
    await scan.wait(PATIENCE_S)
    assert scan.status is ScanStatus.COMPLETED
    panel.close()


@EVERY_VERSION
async def test_a_node_workers_reports_are_seen_once_at_each_of_two_gateways(
    stage: Stage, peers: Path, version: str
) -> None:
    scan = await stage.clients[0].scan("sim://acme/payments")
    elsewhere = await stage.clients[1].attach(scan.id)
    heard: list[list[int | None]] = [[], []]
    for seen, handle in zip(heard, (scan, elsewhere), strict=True):
        handle.on_event(lambda event, seen=seen: seen.append(event.progress_percent) if event.step else None)
    took, *_ = await node(peers, stage, "work", version, "1")
    assert (took["took"], took["name"]) == (scan.id, "scan-repository")
    assert (took["data"]["owner"], took["data"]["repo"], took["data"]["scanId"]) == ("acme", "payments", scan.id)
    assert (took["attempts"], took["backoff"]) == (3, {"type": "exponential", "delay": 5000})
    for handle in (scan, elsewhere):
        result = await handle.result(PATIENCE_S)
        assert (result.artifacts, result.duration_s) == (4, 0.08)
    assert heard == [[10, 30, 60, 90]] * 2


async def test_bull_board_reads_our_jobs(stage: Stage, peers: Path) -> None:
    scan = await stage.clients[0].scan("sim://acme/payments?files=5&duration_s=0.2")
    (waiting,) = await node(peers, stage, "board", NEWEST, "waiting")
    assert [job["data"]["scanId"] for job in waiting["jobs"]] == [scan.id]
    assert waiting["counts"]["waiting"] == 1
    await stage.worker("sim://{owner}/{repo}")
    await scan.wait(PATIENCE_S)
    await until(lambda: _board_shows(stage, peers, scan.id), PATIENCE_S)


async def _board_shows(stage: Stage, peers: Path, scan_id: str) -> bool:
    (completed,) = await node(peers, stage, "board", NEWEST, "completed")
    jobs = [(job["id"], job["name"], job["progress"], job["isFailed"]) for job in completed["jobs"]]
    return jobs == [(scan_id, "scan-repository", 100, False)]
