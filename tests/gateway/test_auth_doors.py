"""Without a token other web pages and other names are kept out; with one, none of that matters.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

from scanwatch import wire
from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.gateway._auth import Doors
from tests.gateway._access import TOKEN, calling, guarded, make_key
from tests.gateway._peers import Rest, watching

EVIL = "https://evil.example"
FOREIGN = {"Host": "hub.example", "Origin": "https://elsewhere.example"}
POLL = "socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:1", "http://127.0.0.1.evil.example"])
async def test_a_page_of_another_origin_can_neither_post_nor_connect(gateway: Gateway, rest: Rest, origin: str) -> None:
    body = {"name": "x", "gitUrl": "sim://acme/x"}
    status, answer = await rest.ask("POST", wire.paths.repositories, json=body, headers={"Origin": origin})
    assert (status, "--allow-origin" in answer["message"]) == (403, True)
    async with rest.session.get(f"{gateway.url}/{POLL}", headers={"Origin": origin}) as answered:
        assert answered.status == 403
    assert await rest.get(wire.paths.repositories) == []


async def test_a_page_of_the_gateways_own_is_served(gateway: Gateway, rest: Rest) -> None:
    assert await rest.get(wire.paths.repositories, headers={"Origin": gateway.url}) == []
    async with rest.session.get(f"{gateway.url}/{POLL}", headers={"Origin": gateway.url}) as answered:
        assert answered.status == 200


async def test_hosts_and_origins_can_be_allowed() -> None:
    config = GatewayConfig(
        port=0, store="memory:", allow_hosts=("lab.example",), allow_origins=("https://app.example",)
    )
    async with Gateway(config) as running, calling(running.url, None) as rest:
        headers = {"Host": "LAB.example:8700", "Origin": "https://app.example"}
        assert await rest.get(wire.paths.repositories, headers=headers) == []
        status, answer = await rest.ask("GET", wire.paths.repositories, headers={"Host": "other.example"})
        assert (status, "--allow-host" in answer["message"]) == (403, True)


async def test_a_valid_token_passes_whatever_host_and_origin() -> None:
    async with guarded() as (gateway, admin):
        key = (await make_key(admin))["token"]
        for token in (TOKEN, key):
            async with calling(gateway.url, token, **FOREIGN) as rest:
                assert (await rest.get(wire.paths.scans))["data"] == []
            async with watching(gateway.url, token=token, headers=FOREIGN) as watcher:
                assert (await watcher.subscribe(all=True))["ok"]
        async with calling(gateway.url, "wrong", **FOREIGN) as rest:
            assert (await rest.ask("GET", wire.paths.scans))[0] == 401


async def test_a_key_passes_the_doors_of_a_gateway_that_asks_for_nothing(gateway: Gateway, rest: Rest) -> None:
    key = (await make_key(rest))["token"]
    async with calling(gateway.url, key, **FOREIGN) as ada:
        assert (await ada.get(wire.paths.scans))["data"] == []
        assert (await ada.ask("POST", wire.paths.tokens, json={"name": "x"}))[0] == 403
    async with calling(gateway.url, "another gateway's token", **FOREIGN) as stranger:
        assert (await stranger.ask("GET", wire.paths.scans))[0] == 403


def test_doors_know_loopback_by_every_spelling_and_no_other_name() -> None:
    doors = Doors()
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8700", "[::1]:8700", "a.localhost", "localhost."):
        assert doors.refusal(host, None) is None, host
    for host in ("", "0.0.0.0", "10.0.0.1:80", "localhost.evil", "[::2]", "evil@127.0.0.1x"):
        assert doors.refusal(host, None) is not None, host
    assert Doors(hosts=("*",), origins=("*",)).refusal("any", "https://any") is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_part_of_another_page_can_take_up_no_connection(gateway: Gateway, rest: Rest, site: str) -> None:
    picture = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    polling = "socket.io/?EIO=4&transport=polling"
    for path, headers in [(polling, picture), (polling, frame), (wire.paths.scans, picture), ("health", picture)]:
        status, answer = await rest.ask("GET", path, headers=headers)
        assert (status, "other web pages" in answer["message"]) == (403, True), (path, headers)
    assert gateway._fanout is not None
    assert gateway._fanout.clients == 0


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_the_gateways_own_page_and_whoever_types_its_address_are_answered(rest: Rest, site: str) -> None:
    async with rest.session.get(
        f"{rest.url}/socket.io/?EIO=4&transport=polling", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"}
    ) as answer:
        assert answer.status == 200


async def test_a_link_on_any_page_leads_to_the_gateways_page(rest: Rest) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with rest.session.get(rest.url, headers=headers) as answer:
        assert answer.status == 200


async def test_where_a_token_is_asked_for_it_alone_counts() -> None:
    async with guarded() as (gateway, admin):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert (await admin.ask("GET", wire.paths.scans, headers=headers))[0] == 200
        async with calling(gateway.url, None) as stranger:
            assert (await stranger.ask("GET", wire.paths.scans, headers=headers))[0] == 401


async def test_every_answer_forbids_browsers_to_guess_its_type_and_names_no_version(rest: Rest) -> None:
    for path in (
        "",
        "health",
        "api/v1/nothing",
        wire.paths.scans,
        "socket.io/?EIO=4&transport=polling",
        "static/page.js",
    ):
        async with rest.session.get(f"{rest.url}/{path}") as answer:
            assert (answer.headers["X-Content-Type-Options"], answer.headers["Server"]) == ("nosniff", "scanwatch"), (
                path
            )
