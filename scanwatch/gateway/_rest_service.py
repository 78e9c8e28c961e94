"""REST of the gateway itself: whether it lives and can work, its metrics, its contracts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from .. import wire
from .._version import __version__
from ..errors import StoreError, StoreUnavailable
from ._contracts import asyncapi, openapi
from ._metrics import Metrics
from ._remembered import Remembered
from ._rest import SERVICES, Services
from ._rest_operations import Operation

_logger = logging.getLogger(__name__)

METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
OPERATIONS: web.AppKey[tuple[Operation, ...]] = web.AppKey("operations", tuple)
READY_S = 2.0
"""How long the store may take to answer before the gateway counts as not ready."""


def operations(*, public_metrics: bool = False) -> tuple[Operation, ...]:
    """Every operation of the gateway itself."""
    paths = wire.paths
    health = wire.HealthPayload
    return (
        _open(paths.health, get_health, "Whether it lives: always, if it answers.", health),
        _open(paths.live, get_live, "The same, where probes look for it.", health),
        Operation(
            method="GET",
            path=paths.ready,
            handler=get_ready,
            summary="Whether it can work: its store answers and its worker runs; 503 and the reasons if not. "
            "`degraded`, with 200, while a shared store does not answer: reads are answered from what is remembered. "
            "`ending`, with 503, once it is to end.",
            answer=wire.ReadyPayload,
            also=((HTTPStatus.SERVICE_UNAVAILABLE, wire.ReadyPayload),),
            is_open=True,
        ),
        Operation(
            method="GET",
            path=paths.metrics,
            handler=get_metrics,
            summary="Counts and gauges in the text format of Prometheus.",
            answer=str,
            content_type="text/plain",
            is_open=public_metrics,
        ),
        _open(paths.openapi, get_openapi, "This document.", dict[str, Any]),
        _open(paths.asyncapi, get_asyncapi, "The events and messages of the socket, as AsyncAPI.", dict[str, Any]),
    )


def _open(path: str, handler: Callable[[web.Request], Any], summary: str, answer: Any) -> Operation:
    return Operation(method="GET", path=path, handler=handler, summary=summary, answer=answer, is_open=True)


async def get_health(request: web.Request) -> web.Response:
    """``GET /api/v1/health``, as gateways in the field have it."""
    timestamp = wire.to_time(request.app[SERVICES].clock.now())
    health = wire.HealthPayload(status="ok", timestamp=timestamp, version=__version__)
    return web.json_response(wire.to_plain(health))


async def get_live(request: web.Request) -> web.Response:
    """``GET /health``."""
    return await get_health(request)


async def get_ready(request: web.Request) -> web.Response:
    """``GET /ready``."""
    services = request.app[SERVICES]
    if services.ending.is_set():
        said = wire.ReadyPayload(status=wire.ENDING, reasons=["It is ending."])
        return web.json_response(wire.to_plain(said), status=HTTPStatus.SERVICE_UNAVAILABLE)
    store_fails, reads = await _store_fails(services)
    reasons = [store_fails] if store_fails else []
    if not services.worker.working:
        reasons.append("The worker does not run.")
    status = "ready" if not reasons else "degraded" if reads and reasons == [store_fails] else "unavailable"
    code = HTTPStatus.SERVICE_UNAVAILABLE if status == "unavailable" else HTTPStatus.OK
    return web.json_response(wire.to_plain(wire.ReadyPayload(status=status, reasons=reasons)), status=code)


async def _store_fails(services: Services) -> tuple[str | None, bool]:
    """Why the store is no use, for anybody to know, and whether reads are answered all the same."""
    reads = isinstance(services.store, Remembered)
    try:
        async with asyncio.timeout(READY_S):
            await services.store.check()
    except TimeoutError:
        return f"The store has not answered within {READY_S:g} s.", reads
    except StoreUnavailable as error:
        _logger.warning("degraded: %s", error)
        return "The store cannot be reached or takes no writes; the log says more.", reads
    except StoreError as error:
        _logger.warning("not ready: %s", error)
        return "The store cannot be used; the log says why.", False  # anybody may ask, and the words name its path
    return None, False


async def get_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``."""
    body = await request.app[METRICS].render()
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})


async def get_openapi(request: web.Request) -> web.Response:
    """``GET /openapi.json``."""
    every = request.app[OPERATIONS]
    return web.json_response(openapi(every))


async def get_asyncapi(_request: web.Request) -> web.Response:
    """``GET /asyncapi.json``."""
    return web.json_response(asyncapi())
