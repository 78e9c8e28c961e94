"""The served contracts as judges of what is really sent: a middleware for REST, and checks of what clients hear."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import msgspec
from aiohttp import web
from jsonschema import Draft202012Validator

from scanwatch import wire
from scanwatch.gateway._contracts import asyncapi, openapi
from scanwatch.gateway._surface import operations

JSON = "application/json"
_validators: dict[tuple[str, int], Draft202012Validator] = {}
NO_CONTRACT = ("/", "/static/{name}", f"/{wire.SOCKETIO_PATH}/")


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document without leave for keys it does not name."""
    closed = copy.deepcopy(document)
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return closed


@cache
def rest_contract() -> dict[str, Any]:
    return strict(openapi(operations()))


@cache
def socket_contract() -> dict[str, Any]:
    return strict(asyncapi())


def faults(document: dict[str, Any], schema: dict[str, Any], data: Any) -> list[str]:
    """What in ``data`` is not as ``schema`` says."""
    key = json.dumps(schema), id(document)
    if key not in _validators:
        _validators[key] = Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message}" for error in _validators[key].iter_errors(data)]


def check_message(name: str, data: Any) -> None:
    """Raise ``AssertionError`` unless a message of the socket is as its contract says."""
    kind = wire.parse_event_name(name)
    message = {wire.GATEWAY: "hello"}.get(name, name) if kind is None else kind[1].value
    found = socket_contract()["components"]["messages"].get(message)
    assert found is not None, f"{name} is not in the contract"
    assert faults(socket_contract(), found["payload"], data) == [], name


class RestJudge:
    """Compares every answer of a gateway with the contract, and every request that it accepted."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.judged = 0

    @property
    def middleware(self) -> Any:
        @web.middleware
        async def judge(request: web.Request, handler: Any) -> web.StreamResponse:
            response = await handler(request)
            if isinstance(response, web.Response) and request.method != "OPTIONS":
                self._judge(request, response)
            return response

        return judge

    def _judge(self, request: web.Request, response: web.Response) -> None:
        resource = request.match_info.route.resource
        route = None if resource is None else resource.canonical
        if route in NO_CONTRACT:
            return
        method = "get" if request.method == "HEAD" else request.method.lower()
        declared = rest_contract()["paths"].get(route, {}).get(method)
        what = f"{request.method} {request.path_qs[:100]} -> {response.status}"
        self.judged += 1
        if declared is None:
            if response.status < 400:
                self.complaints.append(f"{what}: not in the contract")
            else:
                self._check_error(what, response)
        elif (answer := declared["responses"].get(str(response.status))) is None:
            self.complaints.append(f"{what}: not among {sorted(declared['responses'])}")
        else:
            self._check_answer(what, answer, response)
            if response.status < 300:
                self._check_request(what, declared, request)

    def _check_answer(self, what: str, answer: dict[str, Any], response: web.Response) -> None:
        content = answer.get("content")
        if content is None:
            self._note(what, ["a body where none is declared"] if response.body else [])
        elif JSON in content:
            self._note(what, faults(rest_contract(), content[JSON]["schema"], _json(response.body)))
        else:
            self._note(what, [] if response.content_type in content else [f"is {response.content_type}"])

    def _check_error(self, what: str, response: web.Response) -> None:
        self._note(what, faults(rest_contract(), {"$ref": "#/components/schemas/ErrorPayload"}, _json(response.body)))

    def _check_request(self, what: str, declared: dict[str, Any], request: web.Request) -> None:
        sent = request._read_bytes  # what the handler has read
        if sent and "requestBody" in declared:
            schema = declared["requestBody"]["content"][JSON]["schema"]
            self._note(f"{what} (its body)", faults(rest_contract(), schema, json.loads(sent)))
        for parameter in declared["parameters"]:
            if parameter["in"] == "query" and parameter["schema"].get("type") == "integer":
                for value in request.query.getall(parameter["name"], [])[-1:]:
                    self._note(f"{what} (its query)", faults(rest_contract(), parameter["schema"], _number(value)))

    def _note(self, what: str, found: list[str]) -> None:
        self.complaints += [f"{what}: {fault}" for fault in found]


def _json(body: Any) -> Any:
    return json.loads(body)


def _number(text: str) -> int:
    """A whole number as queries may have it: ``1e3`` is one."""
    return msgspec.convert(text, int, strict=False)
