"""What every request passes before anything is done: doors, credentials, pace, rights; and the row of the trail after.

The right a route needs follows from its method and its path, so that a route added later is guarded without a word:
reading needs a viewer, everything else an operator, keys and the trail an admin. ``docs/security.md`` lists them.
"""

from __future__ import annotations

import math
from http import HTTPStatus

from aiohttp import hdrs, web

from .. import wire
from ..model import Role
from ._access import require_repository, require_scan
from ._auth import Caller, Refused, bearer_token
from ._rest import (
    ASKED,
    NONE_OPEN,
    OPEN,
    OPEN_ROUTES,
    SERVICES,
    Asked,
    Handler,
    Services,
    error_answer,
    route_of,
)

READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
TOKEN_IN_QUERY = frozenset({"token", "access_token", "api_key", "authorization"})
SOCKET = f"/{wire.SOCKETIO_PATH}/"

_REPOSITORY = route_of(wire.paths.repository("{id}"))
_SCAN = route_of(wire.paths.scan("{id}"))
_KEY = route_of(wire.paths.token("{id}"))
_ADMIN = (route_of(wire.paths.tokens), _KEY, route_of(wire.paths.audit))
_LISTS = frozenset({route_of(wire.paths.repositories), route_of(wire.paths.scans)})
"""What a caller with some repositories may ask besides those; the handlers leave out the others."""
ACTS = {
    (hdrs.METH_POST, route_of(wire.paths.repositories)): "repository.register",
    (hdrs.METH_PATCH, _REPOSITORY): "repository.change",
    (hdrs.METH_DELETE, _REPOSITORY): "repository.delete",
    (hdrs.METH_POST, route_of(wire.paths.trigger("{id}"))): "scan.trigger",
    (hdrs.METH_POST, route_of(wire.paths.cancel("{id}"))): "scan.cancel",
    (hdrs.METH_POST, route_of(wire.paths.retry("{id}"))): "scan.retry",
    (hdrs.METH_POST, route_of(wire.paths.tokens)): "token.create",
    (hdrs.METH_DELETE, _KEY): "token.revoke",
}
"""What the trail calls an act; one that has no name here is written down by its method and path."""


def right_needed(method: str, route: str) -> Role:
    """The role that a request needs."""
    if route in _ADMIN:
        return Role.ADMIN
    return Role.VIEWER if method in READING else Role.OPERATOR


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may come in: everywhere but to the open routes, a path nobody knows included."""
    services = request.app[SERVICES]
    resource = request.match_info.route.resource
    route = "" if resource is None else resource.canonical
    is_open = route in OPEN_ROUTES or route in request.app.get(OPEN, NONE_OPEN)
    if (not is_open or route == SOCKET) and (named := TOKEN_IN_QUERY & request.query.keys()):
        return _query_refused(named)
    header = bearer_token(request.headers.get(hdrs.AUTHORIZATION))
    try:
        known: Caller | None = services.access.gatekeeper.admit(header)
        reason = ""
    except Refused as refusal:
        known, reason = None, str(refusal)
    if not services.access.gatekeeper.asks and (known is None or not known.proven):
        shut = services.access.doors.refusal(request.host, request.headers.get(hdrs.ORIGIN), _site(request, route))
        if shut is not None:
            return error_answer(HTTPStatus.FORBIDDEN, shut)
    if is_open:
        return await handler(request)
    if known is None:
        return await _not_admitted(request, services, reason)
    return await _admitted(request, handler, services, known, route)


def _site(request: web.Request, route: str) -> str | None:
    """Where what asks comes from; a link that somebody follows may stand on any page."""
    follows = request.headers.get("Sec-Fetch-Mode") == "navigate" and route != SOCKET
    return None if follows else request.headers.get("Sec-Fetch-Site")


async def _admitted(
    request: web.Request, handler: Handler, services: Services, known: Caller, route: str
) -> web.StreamResponse:
    wait_s = services.access.pace.wait_s(known.identity)
    if wait_s:
        return _too_many("Too many requests with this token", wait_s)
    needed = right_needed(request.method, route)
    if not known.may(needed):
        return await _forbidden(request, services, known, route, f"This needs the role {needed}, not {known.role}.")
    if known.scope is not None and not await _within(request, services, known, route):
        return await _forbidden(request, services, known, route, "This token is for some repositories only.")
    asked = Asked(known)
    token = ASKED.set(asked)
    try:
        answer = await handler(request)
    finally:
        ASKED.reset(token)
    if request.method not in READING and answer.status < HTTPStatus.BAD_REQUEST:
        await _write_down(request, services, asked, route)
    return answer


async def _within(request: web.Request, services: Services, known: Caller, route: str) -> bool:
    """Whether the route is one for callers with some repositories.

    Raises:
        UnknownRecord: it names a repository, or a scan of one, that this caller does not see: as if it were not there.
    """
    if route in _LISTS or not route:
        return True
    wanted = request.match_info.get("id", "").lower()
    if not wire.is_id(wanted):
        return route.startswith((_REPOSITORY, _SCAN))  # the handler says what is wrong with it
    if route.startswith(_REPOSITORY):
        await require_repository(services.store, known, wanted)
        return True
    if route.startswith(_SCAN):
        await require_scan(services.store, known, wanted)
        return True
    return False


async def _not_admitted(request: web.Request, services: Services, reason: str) -> web.Response:
    wait_s = services.access.refusals.wait_s(f"address:{request.remote}")
    if wait_s:
        return _too_many("Too many requests without a valid token from this address", wait_s)
    if hdrs.AUTHORIZATION in request.headers:
        await services.access.trail.refused("token.refused", None, reason, address=request.remote)
    return error_answer(HTTPStatus.UNAUTHORIZED, reason, {hdrs.WWW_AUTHENTICATE: "Bearer"})


async def _forbidden(request: web.Request, services: Services, known: Caller, route: str, why: str) -> web.Response:
    await services.access.trail.refused(_act(request, route), known, why)
    return error_answer(HTTPStatus.FORBIDDEN, f"{why} Ask whoever runs this gateway for another token.")


async def _write_down(request: web.Request, services: Services, asked: Asked, route: str) -> None:
    named, made = request.match_info.get("id"), asked.made
    scan = named if route.startswith(_SCAN) else None
    repository = named if route.startswith(_REPOSITORY) else None
    act = _act(request, route)
    if act in ("scan.trigger", "scan.retry"):
        scan = made
    elif act == "repository.register":
        repository = made
    key = (made or named) if route in _ADMIN else None
    await services.access.trail.done(act, asked.caller, scan_id=scan, repository_id=repository, key_id=key)


def _act(request: web.Request, route: str) -> str:
    return ACTS.get((request.method, route), f"{request.method} {route}"[:100])


def _query_refused(named: frozenset[str]) -> web.Response:
    return error_answer(
        HTTPStatus.BAD_REQUEST,
        f"A token in a query string ({', '.join(sorted(named))}) ends up in logs and histories and opens nothing. "
        "Send it as Authorization: Bearer TOKEN, or as auth.token on the socket; and replace it, if it was real.",
    )


def _too_many(what: str, wait_s: float) -> web.Response:
    seconds = math.ceil(wait_s)
    return error_answer(HTTPStatus.TOO_MANY_REQUESTS, f"{what}; wait {seconds} s.", {hdrs.RETRY_AFTER: str(seconds)})
