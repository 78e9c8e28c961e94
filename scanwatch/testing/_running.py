"""A gateway of ours in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..gateway import Gateway, GatewayConfig
from ._thread import Served


class RunningGateway(Served):
    """A gateway that runs on a thread and an event loop of its own.

    Attributes:
        url: where it listens.
        token: what clients must show; ``None`` if nothing.
    """

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__("scanwatch-test-gateway")
        self.token = config.token
        self._config = config

    async def _serve(self, stop: asyncio.Event) -> None:
        async with Gateway(self._config) as gateway:
            self._listens(gateway.url)
            await stop.wait()


@contextmanager
def run_gateway(**config: Any) -> Iterator[RunningGateway]:
    """A real gateway for the length of a ``with`` block: on a free port, with a store in memory, unless told otherwise.

    ``config`` are fields of ``scanwatch.gateway.GatewayConfig``: ``token``, ``store``, ``concurrency`` ...

    Raises:
        ConfigurationError: the configuration is wrong.
        StoreBusy: another process owns the store.
    """
    with RunningGateway(GatewayConfig(**{"port": 0, "store": "memory:", "backoff_s": 0.05, **config})) as gateway:
        yield gateway
