"""REST: the frame of every route. Reading bodies and queries, and turning what goes wrong into an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import unquote
from weakref import WeakValueDictionary

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from .. import wire
from ..errors import DuplicateRecord, ScanEnded, StoreError, UnknownRecord, UsageError, WireError
from ..jobs import Clock, Queue, Workers
from ..model import Page
from ..storage import Store
from ._access import Access
from ._auth import Caller
from ._hub import Hub

T = TypeVar("T")
Q = TypeVar("Q", bound=msgspec.Struct)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_logger = logging.getLogger(__name__)


class Conflict(Exception):
    """The request is right, and cannot be done in the state things are in."""


class Forbidden(Exception):
    """The caller may not do that to this."""


class LimitReached(Exception):
    """The caller has as much as it may have; some of it has to end first."""


STATUS_OF: dict[type[Exception], HTTPStatus] = {
    WireError: HTTPStatus.BAD_REQUEST,
    UsageError: HTTPStatus.BAD_REQUEST,
    UnknownRecord: HTTPStatus.NOT_FOUND,
    DuplicateRecord: HTTPStatus.CONFLICT,
    ScanEnded: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
    Forbidden: HTTPStatus.FORBIDDEN,
    LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
}


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes act on."""

    store: Store
    queue: Queue
    worker: Workers
    hub: Hub
    access: Access
    clock: Clock
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as the gateway is to end, while it still answers."""
    _keys: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def keyed(self, scan_id: str) -> asyncio.Lock:
        """Held while a scan is asked for by a key: the same request may come again before the first is answered."""
        return self._keys.setdefault(scan_id, asyncio.Lock())


@dataclass(slots=True)
class Asked:
    """Who asks, and the id of what a handler made for them, for the trail."""

    caller: Caller
    made: str | None = None


STORE_FAILS = "The gateway's store cannot be used at the moment; its log says why. Try again in a while."
_RETRY_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "5"}
"""When to ask again for what is there in limited number."""
ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)
"""The request in hand, on a route that is not open to everybody."""
SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
OPEN: web.AppKey[frozenset[str]] = web.AppKey("open", frozenset)
"""The routes of operations that need no token."""
NONE_OPEN: frozenset[str] = frozenset()
OPEN_ROUTES = frozenset({"/", "/static/{name}", f"/{wire.SOCKETIO_PATH}/"})
"""What needs no token besides: the page, which tells nothing, and the socket, which asks for it in its handshake."""


def middlewares() -> list[Middleware]:
    """What every request passes, outermost first."""
    return [_errors]


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
        return error_answer(status, str(error), _RETRY_LATER if isinstance(error, LimitReached) else None)
    except StoreError as error:
        _logger.warning("%s %s failed: %s", request.method, request.path, error)  # the words name its path
        return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, STORE_FAILS, _RETRY_LATER)
    except Exception:
        _logger.exception("%s %s failed", request.method, request.path)
        return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The gateway could not do that; its log says why.")


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"{request.method} is not possible on {request.path[:200]}; possible: {allowed}."
        return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, sentence, {hdrs.ALLOW: allowed})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return error_answer(HTTPStatus(error.status), f"The body is larger than {request.client_max_size} bytes.")
    if isinstance(error, web.HTTPNotFound):
        return error_answer(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path[:200]}.")
    return error_answer(HTTPStatus(error.status), error.reason)


def error_answer(status: HTTPStatus, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error in the envelope of every error."""
    payload = wire.ErrorPayload(message=sentence, error=status.phrase, status_code=status)
    return web.json_response(wire.to_plain(payload), status=status, headers=headers)


def caller() -> Caller:
    """Who asks. Only handlers of routes that are not open to everybody may ask that."""
    asked = ASKED.get()
    assert asked is not None
    return asked.caller


def note_made(made: str) -> None:
    """Note the id of what was made, for the trail."""
    if (asked := ASKED.get()) is not None:
        asked.made = made


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
    raw = await whole_body(request)
    if not raw and default is not None:
        return default
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{what}: the body is not JSON ({error})") from None
    return wire.decode_as(kind, data, what)


async def whole_body(request: web.Request) -> bytes:
    """The body, all of it.

    Raises:
        WireError: it breaks off, or is not what its headers say.
        web.HTTPRequestEntityTooLarge: as it says.
    """
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(max_size=request.client_max_size, actual_size=request.content_length or 0)
    try:
        return await request.read()
    except (web.RequestPayloadError, ConnectionError):
        raise WireError("The body breaks off, or is not encoded as its headers say.") from None


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
