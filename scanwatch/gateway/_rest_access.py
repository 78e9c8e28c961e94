"""REST of API keys and of the audit trail."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from .. import wire
from ..errors import WireError
from ..model import Role
from ._auth import new_key
from ._rest import SERVICES, body, caller, note_made, page_answer, query
from ._rest_operations import Operation


def operations() -> tuple[Operation, ...]:
    """Every operation on keys and on the trail."""
    return (
        Operation(
            method="POST",
            path=wire.paths.tokens,
            handler=create_token,
            summary="Make an API key; the answer is the only one that ever holds it.",
            body=wire.NewToken,
            status=HTTPStatus.CREATED,
            answer=wire.MadeToken,
        ),
        Operation(
            method="GET",
            path=wire.paths.tokens,
            handler=list_tokens,
            summary="All API keys, expired and revoked ones too, newest first; none is shown.",
            answer=list[wire.TokenPayload],
        ),
        Operation(
            method="DELETE",
            path=wire.paths.token("{id}"),
            handler=revoke_token,
            summary="Revoke an API key at once: its live connections end too.",
            status=HTTPStatus.NO_CONTENT,
        ),
        Operation(
            method="GET",
            path=wire.paths.audit,
            handler=list_audit,
            summary="Who did what to what, and who was refused; paged, newest first.",
            query=wire.PageQuery,
            answer=wire.PageOf[wire.AuditPayload],
        ),
    )


async def create_token(request: web.Request) -> web.Response:
    """``POST /tokens``."""
    services = request.app[SERVICES]
    said = await body(request, wire.NewToken, "token")
    if said.role not in set(Role):
        raise WireError(f"token: role {said.role[:40]!r} is none of viewer, operator")
    key, secret = new_key(
        name=said.name,
        role=Role(said.role),
        now=services.clock.now(),
        repositories=said.repositories,
        expires_at=None if said.expires_at is None else wire.from_time(said.expires_at),
        created_by=caller().name,
    )
    await services.access.keyring.add(key)
    note_made(key.id)
    return web.json_response(wire.encode_token(key, secret), status=HTTPStatus.CREATED)


async def list_tokens(request: web.Request) -> web.Response:
    """``GET /tokens``: a bare array."""
    return web.json_response([wire.encode_token(key) for key in request.app[SERVICES].access.keyring.all()])


async def revoke_token(request: web.Request) -> web.Response:
    """``DELETE /tokens/:id``: harmless when repeated."""
    services, wanted = request.app[SERVICES], request.match_info["id"]
    if not wire.is_id(wanted):
        raise WireError(f"{wanted[:80]!r} is not the id of a token: a UUID is expected")
    await services.access.keyring.revoke(wanted.lower(), services.clock.now())
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def list_audit(request: web.Request) -> web.Response:
    """``GET /audit``."""
    asked = query(request, wire.PageQuery)
    rows = await request.app[SERVICES].store.audit(page=asked.page, limit=asked.limit)
    return page_answer(rows, wire.encode_audit)
