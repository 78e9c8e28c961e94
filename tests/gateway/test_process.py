"""A gateway as a process: it ends when told, and loses nothing when it is killed.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.gateway._peers import Rest, deaf, polling, watching

RUNNER = Path(__file__).with_name("_serve_process.py")
GOODBYE_S = 3.0


@asynccontextmanager
async def served(store: str, port: int = 0, *more: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A gateway process that listens, and its URL; killed in the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RUNNER), store, str(port), *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def replayed(answer: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The payloads in an acknowledgement, by scan."""
    assert answer["ok"]
    assert not answer["more"]
    return {scan["scanId"]: [row["payload"] for row in scan["events"]] for scan in answer["scans"]}


async def refusal(*args: str) -> tuple[int, str]:
    """How a gateway that cannot start ends: its exit code and its last words."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(RUNNER), *args, stderr=subprocess.PIPE)
    _, words = await process.communicate()
    assert process.returncode is not None
    return process.returncode, words.decode()


async def test_killed_amid_three_scans_and_started_again_it_has_lost_nothing(tmp_path: Path) -> None:
    store, port = f"sqlite:///{tmp_path / 'scans.db'}", free_port()
    async with aiohttp.ClientSession() as session:
        async with served(store, port) as (process, url), watching(url) as before:
            rest = Rest(session, url)
            scans = [await rest.scan("files=60&duration_s=1.5") for _ in range(3)]
            joined = replayed(await before.subscribe(*scans))
            await before.until(lambda: all(len(before.seqs(scan)) >= 8 for scan in scans))
            process.kill()
            await process.wait()
            received = {scan: joined[scan] + before.of(scan) for scan in scans}
            assert not any(map(before.ended, scans))
        started = time.monotonic()
        async with served(store, port) as (_, url), watching(url) as after:
            restarted_s = time.monotonic() - started
            cursors = {scan: events[-1]["seq"] for scan, events in received.items()}
            replays = replayed(await after.subscribe(*scans, after=cursors))
            rows = [await rest.until_ended(scan) for scan in scans]
            ended_s = time.monotonic() - started
            await after.until(lambda: all(map(after.ended, scans)))
            histories = {scan: await rest.history(scan) for scan in scans}
    assert [row["status"] for row in rows] == ["completed"] * 3
    for scan, history in histories.items():
        assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
        assert received[scan] + replays[scan] + after.of(scan) == history
        assert [event.get("status") for event in history].count("restarted") == 1
        assert history[-1]["result"]["status"] == "completed"
    kept = sum(map(len, received.values()))
    print(
        f"received before the kill: {kept} events, lost or changed: 0; "
        f"history afterwards: {sum(map(len, histories.values()))} events; "
        f"serving again after {restarted_s:.2f} s, every scan ended after {ended_s:.2f} s"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_about_a_second_with_clients_connected(tmp_path: Path, number: int) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    async with served(store) as (process, url), aiohttp.ClientSession() as session:
        async with watching(url, field=True) as field, deaf(session, url), polling(session, url):
            scan = await Rest(session, url).scan("files=20&duration_s=1.5")
            await field.until(lambda: bool(field.events))
            told = time.monotonic()
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), GOODBYE_S) == 0
            print(f"ended {time.monotonic() - told:.2f} s after the signal")
        assert process.stderr is not None
        assert await process.stderr.read() == b""
    async with served(store) as (_, url), aiohttp.ClientSession() as session:
        row = await Rest(session, url).until_ended(scan)
        assert row["status"] == "completed"


async def test_it_ends_by_itself_when_it_has_been_idle(tmp_path: Path) -> None:
    async with served("memory:", 0, "0.4") as (process, url), aiohttp.ClientSession() as session:
        scan = await Rest(session, url).scan("files=5&duration_s=0.8")
        async with asyncio.timeout(5):
            async with watching(url) as watcher:
                await watcher.subscribe(scan)
                await watcher.until(lambda: watcher.ended(scan))
                await asyncio.sleep(0.7)
                assert process.returncode is None
            assert await process.wait() == 0


async def test_what_keeps_it_from_starting_is_said_in_words(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    async with served(store) as (_, url):
        port = url.rpartition(":")[2]
        code, words = await refusal("memory:", port)
        assert (code, words.partition(":")[0]) == (1, "ConfigurationError")
        assert f"Port {port}" in words
        code, words = await refusal(store, "0")
        assert (code, words.partition(":")[0]) == (1, "StoreBusy")
        assert "scans.db" in words
        assert "Traceback" not in words
