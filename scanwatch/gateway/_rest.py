"""REST: the frame of every route. Reading bodies and queries, and turning what goes wrong into an answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from .. import wire
from ..errors import DuplicateRecord, ScanEnded, UnknownRecord, UsageError, WireError
from ..jobs import Clock, Queue, Worker
from ..model import Page
from ..storage import Store
from ._auth import Caller, Gatekeeper, bearer_token
from ._hub import Hub

MAX_BODY_BYTES = 1024 * 1024

T = TypeVar("T")
Q = TypeVar("Q", bound=msgspec.Struct)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_logger = logging.getLogger(__name__)


class Conflict(Exception):
    """The request is right, and cannot be done in the state things are in."""


STATUS_OF: dict[type[Exception], HTTPStatus] = {
    WireError: HTTPStatus.BAD_REQUEST,
    UsageError: HTTPStatus.BAD_REQUEST,
    UnknownRecord: HTTPStatus.NOT_FOUND,
    DuplicateRecord: HTTPStatus.CONFLICT,
    ScanEnded: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
}


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes act on."""

    store: Store
    queue: Queue
    worker: Worker
    hub: Hub
    gatekeeper: Gatekeeper
    clock: Clock
    allow_local_paths: bool = True


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
OPEN: web.AppKey[frozenset[str]] = web.AppKey("open", frozenset)
"""The routes of operations that need no token."""
NONE_OPEN: frozenset[str] = frozenset()
OPEN_ROUTES = frozenset({"/", "/static/{name}", f"/{wire.SOCKETIO_PATH}/"})
"""What needs no token besides: the page, which tells nothing, and the socket, which asks for it in its handshake."""


def middlewares() -> list[Middleware]:
    """What every request passes, outermost first."""
    return [_errors, _gate]


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever is raised with a status and a sentence, never with a traceback."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _http_error(request, error)
    except tuple(STATUS_OF) as error:
        status = next(status for kind, status in STATUS_OF.items() if isinstance(error, kind))
        return error_answer(status, str(error))
    except Exception:
        _logger.exception("%s %s failed", request.method, request.path)
        return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The gateway could not do that; its log says why.")


@web.middleware
async def _gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may come in: everywhere but to the open routes, a path nobody knows included."""
    gatekeeper = request.app[SERVICES].gatekeeper
    if not gatekeeper.knows_host(request.host):
        sentence = f"Without a token this gateway is served by a loopback name only, not as {request.host[:80]!r}."
        return error_answer(HTTPStatus.FORBIDDEN, sentence)
    resource = request.match_info.route.resource
    opened: frozenset[str] = request.app.get(OPEN, NONE_OPEN)
    if (resource is None or resource.canonical not in OPEN_ROUTES | opened) and caller(request) is None:
        sentence = "A valid token is needed: Authorization: Bearer TOKEN."
        return error_answer(HTTPStatus.UNAUTHORIZED, sentence, {hdrs.WWW_AUTHENTICATE: "Bearer"})
    return await handler(request)


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"{request.method} is not possible on {request.path[:200]}; possible: {allowed}."
        return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, sentence, {hdrs.ALLOW: allowed})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return error_answer(HTTPStatus(error.status), f"The body is larger than {MAX_BODY_BYTES} bytes.")
    if isinstance(error, web.HTTPNotFound):
        return error_answer(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path[:200]}.")
    return error_answer(HTTPStatus(error.status), error.reason)


def error_answer(status: HTTPStatus, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error in the envelope of every error."""
    payload = wire.ErrorPayload(message=sentence, error=status.phrase, status_code=status)
    return web.json_response(wire.to_plain(payload), status=status, headers=headers)


def caller(request: web.Request) -> Caller | None:
    """Who asks; ``None`` if it is nobody who may."""
    return request.app[SERVICES].gatekeeper.admit(bearer_token(request.headers.get(hdrs.AUTHORIZATION)))


def caller_name(request: web.Request) -> str | None:
    """The name of who asks, if there is one."""
    known = caller(request)
    return None if known is None else known.name


def scan_id(request: web.Request) -> str:
    """The scan a URL names; raises ``WireError`` when that is no id."""
    return _id(request, "scan")


def repository_id(request: web.Request) -> str:
    """The repository a URL names; raises ``WireError`` when that is no id."""
    return _id(request, "repository")


def _id(request: web.Request, what: str) -> str:
    text = request.match_info["id"]
    if not wire.is_id(text):
        raise WireError(f"{text[:80]!r} is not the id of a {what}: a UUID is expected")
    return text.lower()


def query(request: web.Request, kind: type[Q]) -> Q:
    """The URL's query; raises ``WireError``."""
    return wire.decode_query(kind, request.query.items())


async def body(request: web.Request, kind: type[T], what: str, *, default: T | None = None) -> T:
    """The JSON body as ``kind``; an empty one stands for ``default``, if there is one.

    Raises:
        WireError: it is no JSON, or not what is expected.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY_BYTES, actual_size=request.content_length or 0)
    raw = await request.read()
    if not raw and default is not None:
        return default
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{what}: the body is not JSON ({error})") from None
    return wire.decode_as(kind, data, what)


def page_answer(page: Page[Any], encode: Callable[[Any], dict[str, Any]]) -> web.Response:
    """A page of rows."""
    rows = [encode(row) for row in page.rows]
    return web.json_response(wire.encode_page(rows, page.page, page.limit, page.total))


def add_routes(app: web.Application, routes: dict[tuple[str, str], Handler]) -> None:
    """Register handlers by method and path, the path in the words of ``wire.paths``."""
    for (method, path), handler in routes.items():
        app.router.add_route(method, route_of(path), handler)


def route_of(path: str) -> str:
    """A path of ``wire.paths`` as the router has it."""
    return "/" + unquote(path)
