"""What REST can be asked, each operation declared once: its route is registered and its contract written from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs, web

from ._rest import NONE_OPEN, OPEN, Handler, route_of

JSON = "application/json"
_IDS = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, in the words of ``wire.paths``.

    ``answer`` is the type of the answer, ``None`` if it has no body; ``also`` are further statuses it may answer with,
    each with the type of its body. ``is_open``: it needs no token. ``repeatable``: a key makes a repeat harmless.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any = None
    status: HTTPStatus = HTTPStatus.OK
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    query: type[msgspec.Struct] | None = None
    also: tuple[tuple[HTTPStatus, Any], ...] = ()
    conflicts: bool = False
    repeatable: bool = False
    content_type: str = JSON
    is_open: bool = False

    @property
    def name(self) -> str:
        """A name of its own among all operations."""
        return str(getattr(self.handler, "__name__", self.path))

    @property
    def url(self) -> str:
        """The path from the root, its ids in braces."""
        return route_of(self.path)

    @property
    def ids(self) -> list[str]:
        """The names in braces."""
        return _IDS.findall(self.url)

    @property
    def errors(self) -> list[HTTPStatus]:
        """The statuses of its refusals, all in the one envelope of errors."""
        asks = bool(self.ids or self.query or self.body)
        possible = {
            HTTPStatus.BAD_REQUEST: asks,
            HTTPStatus.UNAUTHORIZED: not self.is_open,
            HTTPStatus.FORBIDDEN: True,
            HTTPStatus.NOT_FOUND: bool(self.ids),
            HTTPStatus.CONFLICT: self.conflicts or self.repeatable,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: self.body is not None,
            HTTPStatus.TOO_MANY_REQUESTS: not self.is_open,
            HTTPStatus.INTERNAL_SERVER_ERROR: True,
            HTTPStatus.SERVICE_UNAVAILABLE: not self.is_open,  # its store fails
        }
        return [status for status, can_be in possible.items() if can_be]


def add_operations(app: web.Application, operations: Iterable[Operation]) -> None:
    """Register the routes; what can be read can be asked for its head alone."""
    for operation in operations:
        if operation.is_open:
            app[OPEN] = app.get(OPEN, NONE_OPEN) | {operation.url}
        resource = app.router.add_resource(operation.url)
        for method in (hdrs.METH_HEAD, hdrs.METH_GET) if operation.method == "GET" else (operation.method,):
            resource.add_route(method, operation.handler)
