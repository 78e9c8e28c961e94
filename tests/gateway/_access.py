"""Callers of a guarded gateway: its admin, and people with keys of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig
from tests.gateway._peers import Rest

TOKEN = "the-gateways-own-token-0123456789"


def fast_path() -> bool:
    """Whether a test's gateway may write straight to sockets; ``SCANWATCH_NO_FAST_PATH=1`` makes none do so."""
    return "SCANWATCH_NO_FAST_PATH" not in os.environ


@asynccontextmanager
async def calling(url: str, token: str | None, **headers: str) -> AsyncIterator[Rest]:
    """Requests to a gateway with a token."""
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers={**bearer, **headers}) as session:
        yield Rest(session, url)


@asynccontextmanager
async def guarded(**config: Any) -> AsyncIterator[tuple[Gateway, Rest]]:
    """A gateway with a token, and its admin."""
    usual = {"port": 0, "store": "memory:", "token": TOKEN, "user": "root", "backoff_s": 0.05, "fast_path": fast_path()}
    settings = {**usual, **config}
    async with Gateway(GatewayConfig(**settings)) as running, calling(running.url, TOKEN) as admin:
        yield running, admin


async def make_key(admin: Rest, name: str = "ada", **fields: Any) -> dict[str, Any]:
    """A new API key, as the gateway answers it."""
    status, answer = await admin.ask("POST", wire.paths.tokens, json={"name": name, **fields})
    assert status == 201, answer
    made: dict[str, Any] = answer
    return made
