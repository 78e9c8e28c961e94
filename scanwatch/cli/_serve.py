"""``scanwatch serve``: a gateway in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .._local import READY, announced, default_store, make_room
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..gateway import Gateway, GatewayConfig

TOKEN_VARIABLE = "SCANWATCH_TOKEN"  # noqa: S105 the variable's name, not its value


def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal, until idle for too long, or until standard input closes."""
    logging.basicConfig(
        stream=sys.stderr,
        level=arguments.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    store = arguments.store or default_store()
    make_room(store)
    asyncio.run(_serve(_config(arguments, store), until_stdin_closes=arguments.until_stdin_closes))
    return 0


def _config(arguments: argparse.Namespace, store: str) -> GatewayConfig:
    from ..gateway import GatewayConfig

    given = {
        "host": arguments.host,
        "port": arguments.port,
        "concurrency": arguments.concurrency,
        "attempts": arguments.attempts,
        "backoff_s": arguments.backoff,
        "idle_s": arguments.idle_timeout,
        "token": _token(arguments.token_file),
    }
    return GatewayConfig(store=store, **{name: value for name, value in given.items() if value is not None})


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The token file {file} cannot be read: {error}") from error


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
