"""What every request leaves behind: an id that its answer and its log lines share, a count, a line in the log."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from aiohttp import web

from .. import wire
from ._logging import request_id
from ._rest import Handler
from ._rest_service import METRICS

REQUEST_ID = "X-Request-Id"
_PLAIN = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_SOCKET = f"/{wire.SOCKETIO_PATH}/"

_logger = logging.getLogger(__name__)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take over the request's id, or give it one, and count and log its answer."""
    given = request.headers.get(REQUEST_ID, "")
    token = request_id.set(given if _PLAIN.fullmatch(given) else uuid4().hex)
    began = time.perf_counter()
    try:
        response = await handler(request)
        if not response.prepared:
            response.headers[REQUEST_ID] = request_id.get() or ""
        if (route := _route(request)) != _SOCKET:  # a socket lasts for hours, a poll until there is something
            _note(request, route, response.status, time.perf_counter() - began)
        return response
    finally:
        request_id.reset(token)


def _note(request: web.Request, route: str, status: int, duration_s: float) -> None:
    request.app[METRICS].answered(request.method, route, status, duration_s)
    _logger.info(
        "%s %s answered %s in %.1f ms",
        request.method,
        request.path,
        status,
        duration_s * 1000,
        extra={"scan_id": request.match_info.get("id") if route.startswith(f"/{wire.paths.scans}/") else None},
    )


def _route(request: web.Request) -> str:
    """The route's template: as a label it must not be what strangers type."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical
