"""The contracts are sound documents, say what is registered, and catch what does not keep to them.

Every other test of the gateway is judged by them too: see ``conftest.py``.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from scanwatch import wire
from scanwatch.gateway import Gateway
from scanwatch.gateway._surface import operations
from tests.gateway._contract import RestJudge, check_message, faults, rest_contract, socket_contract
from tests.gateway._peers import Rest, watching

paths = wire.paths


async def test_the_rest_contract_is_valid_openapi(rest: Rest) -> None:
    document = await rest.get(paths.openapi)
    validate(document)
    assert document["openapi"] == "3.1.0"


async def test_every_operation_is_in_the_contract_under_a_name_of_its_own(rest: Rest) -> None:
    document = await rest.get(paths.openapi)
    declared = {
        (method.upper(), path): body["operationId"]
        for path, each in document["paths"].items()
        for method, body in each.items()
    }
    assert set(declared) == {(each.method, each.url) for each in operations()}
    assert len(set(declared.values())) == len(declared)


async def test_the_contract_says_what_needs_no_token(rest: Rest) -> None:
    document = await rest.get(paths.openapi)
    is_open = {path for path, each in document["paths"].items() if each.get("get", {}).get("security") == []}
    assert is_open == {"/api/v1/health", "/health", "/ready", "/openapi.json", "/asyncapi.json"}


async def test_answers_have_every_key_of_a_record_and_requests_need_few() -> None:
    named = rest_contract()["components"]["schemas"]
    assert set(named["ScanPayload"]["required"]) == set(named["ScanPayload"]["properties"])
    assert named["NewRepository"]["required"] == ["name", "gitUrl"]


async def test_the_socket_contract_hangs_together(rest: Rest) -> None:
    document = await rest.get(paths.asyncapi)
    assert document["asyncapi"] == "3.0.0"
    assert {"info", "channels", "operations", "components"} <= document.keys()
    for each in document["operations"].values():
        assert each["action"] in ("send", "receive")
        assert _at(document, each["channel"]["$ref"])["address"]
        for message in [*each.get("messages", []), *each.get("reply", {}).get("messages", [])]:
            assert _at(document, _at(document, message["$ref"])["$ref"])["payload"]
    for channel in document["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == channel.get("parameters", {}).keys()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert [ref for ref in _refs(document) if _at(document, ref) is None] == []


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []


def _at(document: dict[str, Any], ref: str) -> Any:
    node: Any = document
    for part in ref.removeprefix("#/").split("/"):
        node = node.get(part)
    return node


async def test_what_is_said_on_the_socket_keeps_to_the_contract(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as watcher:
        scan = await rest.scan("files=8&duration_s=0.05&fail=fetch:1")
        request = wire.encode_subscribe([scan])
        assert (
            faults(socket_contract(), socket_contract()["components"]["messages"]["request"]["payload"], request) == []
        )
        check_message("acknowledgement", await watcher.subscribe(scan))
        check_message("acknowledgement", await watcher.subscribe("no id"))
        await watcher.until(lambda: watcher.ended(scan))
    names = {name for name, _ in watcher.heard}
    assert names == {"gateway", f"scan:{scan}:progress", f"scan:{scan}:complete"}
    assert any(event.get("status") == "retrying" for event in watcher.events)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("scan:x:progress", {"scanId": "x", "progress": "5", "status": "fetch", "timestamp": "2026-11-22T22:45:09Z"}),
        ("scan:x:progress", {"scanId": "x", "progress": 5, "status": "fetch"}),
        ("scan:x:failed", {"scanId": "x", "error": "e", "timestamp": "2026-11-22T22:45:09Z", "surprise": 1}),
        ("surprise", {}),
    ],
)
def test_a_message_that_breaks_the_contract_is_caught(name: str, payload: Any) -> None:
    with pytest.raises(AssertionError):
        check_message(name, payload)


async def test_an_answer_that_breaks_the_contract_is_caught() -> None:
    judge = RestJudge()

    async def answered(body: Any, status: int) -> list[str]:
        async def handler(_request: web.Request) -> web.Response:
            return web.json_response(body, status=status)

        app = web.Application()
        app.router.add_get("/api/v1/health", handler)
        request = make_mocked_request("GET", "/api/v1/health", app=app)
        match = await app.router.resolve(request)
        match.add_app(app)
        request._match_info = match
        judge.complaints.clear()
        await judge.middleware(request, handler)
        return list(judge.complaints)

    good = {"status": "ok", "timestamp": "2026-11-22T22:45:09.123Z", "version": "1"}
    assert await answered(good, 200) == []
    assert (
        "'version' is a required"
        in (await answered({**good, "version": None} | {}, 200) + await answered({"status": "ok"}, 200))[-1]
    )
    assert "surprise" in (await answered({**good, "surprise": 1}, 200))[0]
    assert "not among" in (await answered(good, 202))[0]
    assert judge.judged == 5
