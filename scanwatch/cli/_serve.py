"""``scanwatch serve``: a gateway in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._local import READY, announced, default_store, make_room
from ..gateway import OPTIONS, GatewayConfig, Option, gather, log_to

if TYPE_CHECKING:
    from ..gateway import Gateway


def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal, until idle for too long, or until standard input closes."""
    config = _config(arguments)
    make_room(config.store)
    with log_to(level=config.log_level, style=config.log_format):
        asyncio.run(_serve(config, until_stdin_closes=arguments.until_stdin_closes))
    return 0


def _config(arguments: argparse.Namespace) -> GatewayConfig:
    """What the flags say, before the environment, before the file."""
    values = gather(OPTIONS, flags=typed(OPTIONS, arguments), environment=os.environ, file=arguments.config)
    return GatewayConfig(**{"store": default_store(), **values})


def typed(options: Iterable[Option], arguments: argparse.Namespace) -> dict[str, Any]:
    """The values of the flags that were typed, by field; one that may be repeated comes as a list."""
    values = vars(arguments)
    given = {option.field: values[option.field] for option in options if option.field in values}
    return {field: tuple(value) if isinstance(value, list) else value for field, value in given.items()}


async def _serve(config: GatewayConfig, *, until_stdin_closes: bool) -> None:
    from ..gateway import serve as serve_gateway

    with contextlib.ExitStack() as while_serving:

        def on_ready(gateway: Gateway) -> None:
            while_serving.enter_context(announced(config.store, gateway.url, config.token))
            _say_ready(gateway.url)

        serving = asyncio.create_task(serve_gateway(config, on_ready))
        if until_stdin_closes:
            _end_with_stdin(serving)
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _say_ready(url: str) -> None:
    """Print the one line; whatever else is printed in this process from now on goes to standard error.

    Whoever waited for that line may close the pipe, and a print of a plug-in would then fail the scan.
    """
    sys.stdout.write(f"{READY}{url}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _end_with_stdin(serving: asyncio.Task[None]) -> None:
    """End when the process that holds the other end of standard input closes it, or dies."""
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself meanwhile
            loop.call_soon_threadsafe(serving.cancel)

    threading.Thread(target=wait_for_end, name="scanwatch-stdin", daemon=True).start()
