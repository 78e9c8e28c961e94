"""The contracts a gateway serves, OpenAPI of its REST and AsyncAPI of its socket, from what registers and encodes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, get_args, get_origin

from .. import wire
from .._version import __version__
from ..model import EventKind
from ._rest_operations import JSON, Operation

Document = dict[str, Any]
Refs = dict[Any, Document]

_ABOUT = "Trigger, watch and tabulate long scans of repositories."
_ID = {"type": "string", "format": "uuid"}
_KEY: Document = {
    "name": wire.IDEMPOTENCY_KEY,
    "in": "header",
    "description": "Of the client's choice: the same key again starts no second scan, and is answered with the first.",
    "schema": {"type": "string", "minLength": 1, "maxLength": wire.MAX_KEY},
}
_EVENTS: dict[EventKind, tuple[Any, str]] = {
    EventKind.PROGRESS: (wire.ProgressPayload, "How far a scan is."),
    EventKind.COMPLETE: (wire.CompletePayload, "A scan completed; nothing follows."),
    EventKind.FAILED: (wire.FailedPayload, "A scan failed for good, or was cancelled; nothing follows."),
}


def openapi(operations: Iterable[Operation]) -> Document:
    """The OpenAPI 3.1 document of ``operations``."""
    operations = tuple(operations)
    answers = [kind for each in operations for kind in (each.answer, *(kind for _, kind in each.also)) if kind]
    bodies = [each.body for each in operations if each.body is not None]
    refs, named = wire.schemas([*answers, wire.ErrorPayload], bodies)
    paths: dict[str, Document] = {}
    for each in operations:
        paths.setdefault(each.url, {})[each.method.lower()] = _operation(each, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "scanwatch gateway", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "./"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(each: Operation, refs: Refs) -> Document:
    parameters = [{"name": name, "in": "path", "required": True, "schema": _id_schema(name)} for name in each.ids]
    if each.query is not None:
        parameters += wire.query_parameters(each.query)
    if each.repeatable:
        parameters.append(_KEY)
    written: Document = {"operationId": each.name, "summary": each.summary, "parameters": parameters}
    if each.is_open:
        written["security"] = []
    if each.body is not None:
        written["requestBody"] = {"required": not each.body_optional, "content": {JSON: {"schema": refs[each.body]}}}
    written["responses"] = _responses(each, refs)
    return written


def _responses(each: Operation, refs: Refs) -> Document:
    error = {"content": {JSON: {"schema": refs[wire.ErrorPayload]}}}
    responses: Document = {str(status.value): {"description": status.phrase, **error} for status in each.errors}
    for status, kind in ((each.status, each.answer), *each.also):
        content = {"content": {each.content_type: {"schema": refs[kind]}}} if kind is not None else {}
        responses[str(status.value)] = {"description": status.phrase, **content}
    return dict(sorted(responses.items()))


def _id_schema(name: str) -> Document:
    return _ID if name == "id" else {"type": "string"}


def asyncapi() -> Document:
    """The AsyncAPI 3.0 document of the Socket.IO namespace."""
    kinds = [payload for payload, _ in _EVENTS.values()]
    talk = (wire.Hello, wire.RefusedPayload, wire.Auth, wire.SubscribeRequest, wire.Acknowledgement)
    refs, named = wire.schemas([*kinds, *talk])
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "scanwatch gateway", "version": __version__, "description": _conversation()},
        "defaultContentType": JSON,
        "channels": {**_event_channels(), **_talk_channels()},
        "operations": {**_sent(), **_asked()},
        "components": {"schemas": named, "messages": _messages(refs)},
    }


def _conversation() -> str:
    return (
        f"Socket.IO 5 over Engine.IO 4 at /{wire.SOCKETIO_PATH}/, namespace {wire.NAMESPACE}. A client that says "
        f"`{{protocol: {wire.PROTOCOL}}}` in the handshake (#/components/schemas/Auth) subscribes; one that does not "
        "is sent every event it may see. The address of a channel is the name of the Socket.IO event."
    )


def _event_channels() -> Document:
    return {
        kind.value: {
            "address": wire.event_name(f"{{{wire.SCAN_ID}}}", kind),
            "description": words,
            "parameters": {wire.SCAN_ID: {"description": "The scan's id, a UUID."}},
            "messages": {kind.value: {"$ref": f"#/components/messages/{kind.value}"}},
        }
        for kind, (_, words) in _EVENTS.items()
    }


def _talk_channels() -> Document:
    asked = ("request", "acknowledgement")
    return {
        wire.GATEWAY: _channel(wire.GATEWAY, "Said once, right after a client has joined.", ["hello"]),
        wire.REFUSED: _channel(wire.REFUSED, "Said before a connection is cut for its token.", [wire.REFUSED]),
        wire.SUBSCRIBE: _channel(wire.SUBSCRIBE, "Enter rooms, and be told what has happened so far.", asked),
        wire.UNSUBSCRIBE: _channel(wire.UNSUBSCRIBE, "Leave them.", asked),
    }


def _channel(address: str, words: str, messages: Iterable[str]) -> Document:
    refs = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return {"address": address, "description": words, "messages": refs}


def _sent() -> Document:
    channels = [*(kind.value for kind in _EVENTS), wire.GATEWAY, wire.REFUSED]
    return {f"send_{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in channels}


def _asked() -> Document:
    return {
        name: {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/request"}],
            "reply": {
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/acknowledgement"}],
            },
        }
        for name in (wire.SUBSCRIBE, wire.UNSUBSCRIBE)
    }


def _messages(refs: Refs) -> Document:
    kinds = {
        **{kind.value: payload for kind, (payload, _) in _EVENTS.items()},
        "hello": wire.Hello,
        wire.REFUSED: wire.RefusedPayload,
        "request": wire.SubscribeRequest,
        "acknowledgement": wire.Acknowledgement,
    }
    return {name: {"name": name, "contentType": JSON, "payload": refs[kind]} for name, kind in kinds.items()}


def as_markdown(operations: Iterable[Operation]) -> str:
    """Every operation and every event as tables, for the documentation."""
    rows = ["| request | body or query | answer | refusals | |", "| --- | --- | --- | --- | --- |"]
    for each in operations:
        asks = "; ".join(f"`{kind.__name__}`" for kind in (each.body, each.query) if kind is not None)
        answer = f"{each.status.value} {_type_words(each.answer)}"
        refusals = " ".join(str(status.value) for status in each.errors if status != HTTPStatus.INTERNAL_SERVER_ERROR)
        rows.append(f"| `{each.method} {each.url}` | {asks} | {answer} | {refusals} | {each.summary} |")
    rows += ["", "| Socket.IO event | direction | payload | |", "| --- | --- | --- | --- |"]
    for kind, (payload, words) in _EVENTS.items():
        rows.append(f"| `{wire.event_name('ID', kind)}` | to clients | `{payload.__name__}` | {words} |")
    rows.append(f"| `{wire.GATEWAY}` | to clients | `Hello` | Right after a client has joined. |")
    rows.append(f"| `{wire.REFUSED}` | to clients | `RefusedPayload` | Before a connection is ended for its token. |")
    for name in (wire.SUBSCRIBE, wire.UNSUBSCRIBE):
        rows.append(f"| `{name}` | from clients | `SubscribeRequest` | Acknowledged with an `Acknowledgement`. |")
    return "\n".join(rows) + "\n"


def _type_words(kind: Any) -> str:
    if kind is None:
        return "no body"
    if get_origin(kind) is dict or kind is str:
        return "a document" if kind is not str else "text"
    rows = [row.__name__ for row in get_args(kind)]
    if not rows:
        return f"`{kind.__name__}`"
    return f"{'array' if get_origin(kind) is list else 'page'} of `{rows[0]}`"
