"""Peers of a gateway: a plain HTTP client and a stock python-socketio client that writes everything down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import socketio

from scanwatch import wire
from tests.gateway._contract import check_message

PATIENCE_S = 30.0
TERMINAL = ("completed", "failed", "cancelled")


class Rest:
    """Requests to one gateway; every answer is a status and its JSON."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, **request: Any) -> tuple[int, Any]:
        async with self.session.request(method, f"{self.url}/{path}", **request) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def get(self, path: str, **request: Any) -> Any:
        status, answer = await self.ask("GET", path, **request)
        assert status == 200, (path, status, answer)
        return answer

    async def register(self, target: str, name: str = "a repository") -> str:
        status, answer = await self.ask("POST", wire.paths.repositories, json={"name": name, "gitUrl": target})
        assert status == 201, answer
        repository_id: str = answer["id"]
        return repository_id

    async def trigger(self, repository_id: str) -> str:
        status, answer = await self.ask("POST", wire.paths.trigger(repository_id))
        assert status == 202, answer
        scan_id: str = answer["scanId"]
        return scan_id

    async def scan(self, options: str = "files=20&duration_s=0.3") -> str:
        """Register a new simulated repository and trigger a scan of it."""
        return await self.trigger(await self.register(f"sim://acme/{uuid4()}?{options}"))

    async def until_ended(self, scan_id: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while (row := await self.get(wire.paths.scan(scan_id)))["status"] not in TERMINAL:
                await asyncio.sleep(0.02)
        answer: dict[str, Any] = row
        return answer

    async def history(self, scan_id: str) -> list[dict[str, Any]]:
        """The payloads of all events of a scan, page by page."""
        payloads: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            answer = await self.get(wire.paths.events(scan_id), params={"after": after, "limit": 7})
            payloads += [row["payload"] for row in answer["data"]]
            after = answer["next"]
        return payloads


class Watcher:
    """A client of the namespace."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Event()
        self.client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        self.client.on("*", self._hear, namespace=wire.NAMESPACE)

    def _hear(self, name: str, *args: Any) -> None:
        self.heard.append((name, *args))
        self._news.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The payloads of all scan events, in the order of their arrival."""
        return [payload for name, payload in self.heard if name.startswith("scan:")]

    def of(self, scan_id: str) -> list[dict[str, Any]]:
        return [payload for payload in self.events if payload["scanId"] == scan_id]

    def seqs(self, scan_id: str) -> list[int]:
        return [payload["seq"] for payload in self.of(scan_id)]

    def ended(self, scan_id: str) -> bool:
        ends = {f"scan:{scan_id}:complete", f"scan:{scan_id}:failed"}
        return any(name in ends for name, _ in self.heard)

    async def subscribe(self, *scan_ids: str, **more: Any) -> dict[str, Any]:
        return await self.call(wire.SUBSCRIBE, {"scanIds": list(scan_ids), **more})

    async def call(self, name: str, *data: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.client.call(name, *data, namespace=wire.NAMESPACE, timeout=PATIENCE_S)
        return answer

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not happened():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def watching(
    url: str, *, token: str | None = None, field: bool = False, **options: Any
) -> AsyncIterator[Watcher]:
    """A connected watcher, scanwatch's or one written for gateways in the field."""
    watcher = Watcher()
    auth = ({} if field else {"protocol": wire.PROTOCOL}) | ({} if token is None else {"token": token})
    try:
        await watcher.client.connect(
            url, auth=auth or None, namespaces=[wire.NAMESPACE], wait_timeout=PATIENCE_S, **options
        )
        yield watcher
        for name, payload in watcher.heard:
            check_message(name, payload)
    finally:
        if watcher.client.eio.http is not None and watcher.client.transport() == "polling":
            # The client would wait for its last poll, which nobody answers to a client that has left.
            await watcher.client.eio.http.close()
        await watcher.client.shutdown()


@asynccontextmanager
async def deaf(session: aiohttp.ClientSession, url: str) -> AsyncIterator[None]:
    """A field client that has joined and then neither reads nor answers a goodbye; cut off in the end."""
    socket = await session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", autoclose=False)
    await socket.receive()
    await socket.send_str(f"40{wire.NAMESPACE},")
    await socket.receive()
    connection = socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's transport
    try:
        yield
    finally:
        socket._response.close()


@asynccontextmanager
async def polling(session: aiohttp.ClientSession, url: str) -> AsyncIterator[None]:
    """A field client that asks again and again over HTTP."""
    async with session.get(f"{url}/socket.io/?EIO=4&transport=polling") as opened:
        sid = json.loads((await opened.text())[1:])["sid"]
    path = f"{url}/socket.io/?EIO=4&transport=polling&sid={sid}"
    async with session.post(path, data=f"40{wire.NAMESPACE},") as joined:
        assert joined.status == 200

    async def poll() -> None:
        while True:
            async with session.get(path) as answer:
                await answer.read()
                if answer.status != 200:
                    return

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
