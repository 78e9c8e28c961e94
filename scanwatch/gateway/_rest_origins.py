"""Which web pages of other origins may ask this gateway (CORS)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from .. import wire
from ._rest import Handler, error_answer
from ._rest_observed import REQUEST_ID

METHODS = "GET, HEAD, POST, PATCH, DELETE"
HEADERS = f"{hdrs.AUTHORIZATION}, {hdrs.CONTENT_TYPE}, {REQUEST_ID}"
EXPOSED = f"{REQUEST_ID}, {hdrs.RETRY_AFTER}"
PREFLIGHT_S = 600
_SOCKET = f"/{wire.SOCKETIO_PATH}/"


def preflight(origins: tuple[str, ...]) -> Middleware:
    """The middleware that answers a browser's question before a request; it comes without a token."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        if not asks or request.path == _SOCKET:
            return await handler(request)
        if not _allowed(request, origins):
            return error_answer(HTTPStatus.FORBIDDEN, "This origin is not among those allowed (--allow-origin).")
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_S),
        }
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    return answer


def let_read(origins: tuple[str, ...]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal that lets pages of allowed origins read any answer, errors too, and browsers guess at none."""

    async def sign(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers[hdrs.SERVER] = "scanwatch"  # without the versions of what it is built with
        if origins and request.path != _SOCKET:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
            if _allowed(request, origins):
                response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
                response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED

    return sign


def _allowed(request: web.Request, origins: tuple[str, ...]) -> bool:
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and ("*" in origins or origin in origins)
