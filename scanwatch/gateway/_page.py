"""The web page at the gateway's root: a few files of the package, read once and served as they are.

The panel's code is the notebook's own, read as data from where the panel keeps it. Every URL in these files is relative
to the page, so that it works behind any prefix; nothing is loaded from elsewhere, and the headers see to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from aiohttp import hdrs, web

from ._rest import Handler

FRONT = ""
STATIC = "static/{name:.+}"

_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".md": "text/plain",
}
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
    "require-trusted-types-for": "'script'",
}
READING = (hdrs.METH_GET, hdrs.METH_HEAD)
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked again each time, answered with 304: the page is never of another version than its gateway.
    hdrs.CACHE_CONTROL: "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    tag: str


def routes() -> dict[tuple[str, str], Handler]:
    """The page and its files."""
    return {(method, path): handler for path, handler in ((FRONT, front), (STATIC, static)) for method in READING}


async def front(request: web.Request) -> web.Response:
    """``GET /``: the page."""
    return _answer(request, _files()["index.html"])


async def static(request: web.Request) -> web.Response:
    """``GET /static/...``: a file of the page."""
    file = _files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    return _answer(request, file)


def _answer(request: web.Request, file: _File) -> web.Response:
    headers = HEADERS | {hdrs.ETAG: f'"{file.tag}"'}
    if any(tag.value == file.tag for tag in request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=file.content, content_type=file.content_type, charset="utf-8", headers=headers)


@cache
def _files() -> Mapping[str, _File]:
    """Every file of the page by its path below ``static/``; there is no other way to a file than its name here."""
    package = files("scanwatch")
    return {
        **dict(_below(package / "gateway" / "static", "")),
        **dict(_below(package / "panel" / "static", "panel/")),
    }


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, _File]]:
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            yield from _below(entry, f"{name}/")
        elif (kind := _TYPES.get(PurePosixPath(name).suffix)) is not None:
            content = entry.read_bytes()
            yield name, _File(content, kind, hashlib.sha256(content).hexdigest()[:32])
