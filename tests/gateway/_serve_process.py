"""A gateway as a process of its own: ``python _serve_process.py STORE PORT``; says where it listens."""

from __future__ import annotations

import asyncio
import sys

from scanwatch.errors import ScanwatchError
from scanwatch.gateway import Gateway, GatewayConfig, serve


def ready(gateway: Gateway) -> None:
    print(gateway.url, flush=True)


if __name__ == "__main__":
    idle_s = float(sys.argv[3]) if len(sys.argv) > 3 else None
    config = GatewayConfig(store=sys.argv[1], port=int(sys.argv[2]), backoff_s=0.1, idle_s=idle_s)
    try:
        asyncio.run(serve(config, ready))
    except ScanwatchError as error:
        sys.exit(f"{type(error).__name__}: {error}")
