"""The way to one Redis: its connections, the scripts it runs for us, and its failures in words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import _answers
from ._address import RedisAddress
from ._answers import Answers

CONNECT_S = 3.0
CONNECTIONS = 16

_SCRIPTS = (
    *("append", "create_scan", "begin_run", "save_outcome", "prune_events", "prune_scans"),
    *("put_repository", "delete_repository", "put_key"),
)


class Link:
    """The connections of one process to one Redis, made when they are needed.

    Whatever is asked raises ``StoreError``, in words, if it cannot be answered: ``StoreUnavailable`` where asking
    again may help, at once where it is known to be silent.
    """

    def __init__(self, address: RedisAddress) -> None:
        self.address = address
        self._client = redis.asyncio.Redis(connection_pool=_pool(address))
        self.answers = Answers(address, self._client.ping)
        common = _source("common")
        self._scripts = {name: self._client.register_script(common + _source(name)) for name in _SCRIPTS}

    async def call(self, *command: Any) -> Any:
        """The answer to one command."""
        return await self.answers.to(self._client.execute_command(*command))  # type: ignore[no-untyped-call]

    async def calls(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers to commands that are sent together, in their order; others' may come between them."""
        if not commands:
            return []
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await self.answers.to(pipeline.execute())
        return answers

    async def run(self, script: str, *arguments: Any, keys: Sequence[str] = ()) -> Any:
        """The answer of one of our scripts, which runs as one step."""
        return await self.answers.to(self._scripts[script](keys=list(keys), args=list(arguments)))

    async def close(self) -> None:
        """Close every connection."""
        await self.answers.close()
        await self._client.aclose()
        await self._client.connection_pool.disconnect()
        await asyncio.sleep(0)  # let the transports close


def _pool(address: RedisAddress) -> redis.asyncio.BlockingConnectionPool:
    options = address.options()
    kind = redis.asyncio.SSLConnection if options.pop("ssl", False) else redis.asyncio.Connection
    return redis.asyncio.BlockingConnectionPool(
        connection_class=kind,
        max_connections=CONNECTIONS,
        timeout=_answers.ANSWER_S,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=_answers.ANSWER_S,
        socket_keepalive=True,
        # What may be repeated and what may not is for us to say, call by call.
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="scanwatch",
        **options,
    )


def _source(name: str) -> str:
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")
