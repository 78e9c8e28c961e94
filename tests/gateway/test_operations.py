"""A gateway that can be run: it says whether it lives and can work, counts, logs, answers other origins, and forgets.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scanwatch import wire
from scanwatch.errors import StoreError
from scanwatch.gateway import Gateway, GatewayConfig, log_to
from scanwatch.gateway._logging import request_id
from scanwatch.gateway._retention import Retention
from scanwatch.jobs import EmbeddedQueue, SystemClock, Worker
from scanwatch.storage import Store, open_store
from scanwatch.storage._memory import MemoryStore
from tests.gateway._peers import Rest, watching
from tests.storage.records import START, at, begin, complete, fetching

paths = wire.paths
QUICK = "files=8&duration_s=0.05"
STUCK = "files=8&duration_s=0.05&stall=fetch"
PAGE = "https://app.example.org"


# Living and ready


async def test_it_lives_and_is_ready(rest: Rest) -> None:
    for path in (paths.health, paths.live):
        assert (await rest.get(path))["status"] == "ok"
    assert await rest.get(paths.ready) == {"status": "ready", "reasons": []}


async def test_without_its_worker_it_lives_and_is_not_ready(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Worker, "working", False)
    assert (await rest.ask("GET", paths.live))[0] == 200
    status, answer = await rest.ask("GET", paths.ready)
    assert (status, answer["status"]) == (503, "unavailable")
    assert answer["reasons"] == ["The worker does not run."]


async def test_a_store_that_fails_is_said_and_its_path_is_for_the_log(
    rest: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: Any, **_named: Any) -> Any:
        raise StoreError("The store /var/secret.db cannot be used: the disk is full.")

    monkeypatch.setattr(MemoryStore, "scans", broken)
    status, answer = await rest.ask("GET", paths.ready)
    assert (status, answer["reasons"]) == (503, ["The store cannot be used; the log says why."])
    assert "/var/secret.db" in caplog.text


async def test_while_the_store_fails_requests_are_told_to_come_back_and_its_path_is_for_the_log(
    rest: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: Any, **_named: Any) -> Any:
        raise StoreError("The store /var/secret.db cannot be used: the disk is full.")

    repository = await rest.register("sim://acme/full")
    monkeypatch.setattr(MemoryStore, "create_scan", broken)
    async with rest.session.post(f"{rest.url}/{paths.trigger(repository)}") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "secret" not in await answer.text()
    monkeypatch.undo()
    assert await rest.trigger(repository)
    assert "/var/secret.db" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_worker_works_from_its_start_to_its_stop() -> None:
    store = open_store("memory:")
    await store.open()
    worker = Worker(store, EmbeddedQueue())
    assert not worker.working
    await worker.start()
    assert worker.working
    await worker.stop()
    assert not worker.working


# Metrics


async def metrics(rest: Rest) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    async with rest.session.get(f"{rest.url}/{paths.metrics}") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (sample.name, *map(str, sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_count_scans_events_deliveries_and_answers(gateway: Gateway, rest: Rest) -> None:
    async with watching(gateway.url) as watcher, watching(gateway.url, field=True, transports=["polling"]):
        scan = await rest.scan(QUICK)
        await watcher.subscribe(scan)
        await watcher.until(lambda: watcher.ended(scan))
        stuck = [await rest.scan(STUCK) for _ in range(5)]
        found = await metrics(rest)
    last = (await rest.until_ended(scan))["seq"]
    assert found["scanwatch_scans", "completed"] == 1
    assert found["scanwatch_events_appended_total", "complete"] == 1
    assert found["scanwatch_events_appended_total", "progress"] >= last - 1
    assert found["scanwatch_deliveries_total",] >= 1
    assert found["scanwatch_merged_events_total",] == 0
    assert found["scanwatch_connections", "websocket"] == 1
    assert found["scanwatch_connections", "polling"] == 1
    assert (found["scanwatch_clients", "scanwatch"], found["scanwatch_clients", "field"]) == (1, 1)
    assert found["scanwatch_queue_length",] >= len(stuck) - 3
    assert found["scanwatch_queue_oldest_age_seconds",] >= 0
    assert found["scanwatch_http_requests_total", "POST", "/api/v1/repositories/{id}/scan", "202"] == 6
    assert found["scanwatch_http_request_duration_seconds_count", "POST", "/api/v1/repositories"] == 6


async def test_what_strangers_ask_for_is_no_label(rest: Rest) -> None:
    await rest.ask("GET", "api/v1/no-such-thing")
    found = await metrics(rest)
    assert found["scanwatch_http_requests_total", "GET", "unknown", "404"] == 1
    assert not any("no-such-thing" in label for key in found for label in key)


async def test_a_fault_of_our_own_is_counted(gateway: Gateway, rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(wire, "encode_repository", broken)
    assert (await rest.ask("POST", paths.repositories, json={"name": "x", "gitUrl": "sim://acme/x"}))[0] == 500
    assert (await metrics(rest))["scanwatch_errors_total", "rest"] == 1


async def test_two_gateways_of_one_process_count_for_themselves(rest: Rest) -> None:
    async with Gateway(GatewayConfig(port=0, store="memory:")) as other:
        await rest.scan(QUICK)
        found = await metrics(Rest(rest.session, other.url))
    assert ("scanwatch_events_appended_total", "progress") not in found


@pytest.mark.parametrize(("public", "expected"), [(False, 401), (True, 200)])
async def test_metrics_need_the_token_unless_they_are_public(public: bool, expected: int) -> None:
    config = GatewayConfig(port=0, store="memory:", token="open-sesame", public_metrics=public)
    async with Gateway(config) as gateway, aiohttp.ClientSession() as session:
        async with session.get(f"{gateway.url}/{paths.metrics}") as response:
            assert response.status == expected
        for path in (paths.live, paths.ready, paths.openapi, paths.asyncapi):
            async with session.get(f"{gateway.url}/{path}") as response:
                assert response.status == 200


# Requests: their ids, their heads, their origins


@pytest.mark.parametrize(
    ("given", "kept"), [("job-7/step:2", True), (None, False), ("two words", False), ("x" * 200, False)]
)
async def test_a_request_keeps_its_id_or_gets_one(rest: Rest, given: str | None, kept: bool) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    async with rest.session.get(f"{rest.url}/{paths.scan('no-uuid')}", headers=headers) as response:
        answered = response.headers["X-Request-Id"]
    assert (answered == given) == kept
    assert len(answered) == (len(given) if kept and given else 32)


async def test_what_can_be_read_can_be_asked_for_its_head(rest: Rest) -> None:
    for path in (paths.repositories, paths.scans, paths.ready, paths.openapi):
        async with rest.session.head(f"{rest.url}/{path}") as response:
            assert (response.status, await response.read()) == (200, b"")
            assert int(response.headers["Content-Length"]) > 0


async def test_pages_of_allowed_origins_may_ask() -> None:
    config = GatewayConfig(port=0, store="memory:", token="open-sesame", allow_origins=(PAGE,))
    async with Gateway(config) as gateway, aiohttp.ClientSession(headers={"Origin": PAGE}) as session:
        url = f"{gateway.url}/{paths.repositories}"
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        async with session.options(url, headers=asks) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == PAGE
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert "authorization" in response.headers["Access-Control-Allow-Headers"].lower()
        async with session.get(url) as response:  # a refusal can be read, too
            assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
            assert response.headers["Vary"] == "Origin"
        async with session.get(url, headers={"Authorization": "Bearer open-sesame"}) as response:
            assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, PAGE)


async def test_pages_of_other_origins_may_not() -> None:
    config = GatewayConfig(port=0, store="memory:", token="open-sesame", allow_origins=(PAGE,))
    async with Gateway(config) as gateway, aiohttp.ClientSession(headers={"Origin": "https://evil.example"}) as session:
        url = f"{gateway.url}/{paths.repositories}"
        async with session.options(url, headers={"Access-Control-Request-Method": "POST"}) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
        async with session.get(url, headers={"Authorization": "Bearer open-sesame"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


# The log


@pytest.fixture
def log() -> Iterator[Any]:
    """Set the log up to write into a buffer; put back in the end."""
    stream = io.StringIO()
    with ExitStack() as meanwhile:

        def set_up(**how: Any) -> io.StringIO:
            meanwhile.enter_context(log_to(stream, **how))
            return stream

        yield set_up


async def test_lines_of_json_name_the_request_and_the_scan(rest: Rest, log: Any) -> None:
    stream = log(level="info", style="json")
    repository = await rest.register(f"sim://acme/logged?{QUICK}")
    async with rest.session.post(
        f"{rest.url}/{paths.trigger(repository)}", headers={"X-Request-Id": "job-7"}
    ) as answer:
        scan = (await answer.json())["scanId"]
    await rest.until_ended(scan)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    mine = [line for line in lines if line.get("request_id") == "job-7"]
    assert [line["message"].partition(" in ")[0] for line in mine if line["message"].startswith("POST")] == [
        f"POST /{paths.trigger(repository)} answered 202"
    ]
    about = [line["message"] for line in lines if line.get("scan_id") == scan and line["message"].startswith("scan")]
    assert about == ["scan queued", "scan completed"]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()


def test_a_message_cannot_forge_a_line(log: Any) -> None:
    stream = log(level="warning", style="text")
    token = request_id.set("job-7")
    logging.getLogger("scanwatch.x").warning("one\n2026-01-01 INFO forged", extra={"scan_id": "abc"})
    logging.getLogger("scanwatch.x").info("quiet")
    request_id.reset(token)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"scanwatch.x: one\n2026-01-01 INFO forged request_id=job-7 scan_id=abc")


async def test_no_query_gets_into_the_log(rest: Rest, log: Any) -> None:
    stream = log(level="info", style="text")
    await rest.get(paths.scans, params={"requestedBy": "s3cret"})
    assert "answered 200" in stream.getvalue()
    assert "s3cret" not in stream.getvalue()


# Retention


class Stopped(SystemClock):
    """A clock that stands still and lets nobody wait."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


async def kept_store() -> Store:
    """A scan that ended 30 days ago, one of 3 days ago, and one that still runs."""
    store = open_store("memory:")
    await store.open()
    for name, days in (("old", -30), ("recent", -3)):
        await begin(store, name, time=days * 86400)
        await store.append(fetching(name, time=days * 86400 + 1))
        await store.append(complete(name, time=days * 86400 + 2))
    await begin(store, "running", time=-60 * 86400)
    return store


async def test_a_sweep_takes_what_is_old_enough_and_nothing_else() -> None:
    store = await kept_store()
    day = timedelta(days=1).total_seconds()
    sweeper = Retention(store, Stopped(START), keep_s=20 * day, keep_events_s=2 * day)
    assert await sweeper.sweep() == (6, 1)
    assert await sweeper.sweep() == (0, 0)
    assert await store.events("recent") == []
    assert (await store.snapshot("recent")).terminal
    assert len(await store.events("running")) == 1


async def test_for_ever_is_for_ever() -> None:
    store = await kept_store()
    sweeper = Retention(store, Stopped(at(1e9)), keep_s=None, keep_events_s=None)
    assert await sweeper.sweep() == (0, 0)
    assert len(await store.events("old")) == 3


async def test_a_scan_without_its_events_still_shows_and_is_subscribed_to(
    gateway: Gateway, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = GatewayConfig(port=0, store="memory:", keep_events_s=0.0)
    monkeypatch.setattr("scanwatch.gateway._retention.EVERY_S", 0.01)
    async with Gateway(config) as forgetful:
        rest = Rest(rest.session, forgetful.url)
        scan = await rest.scan(QUICK)
        row = await rest.until_ended(scan)
        while (await rest.get(paths.events(scan)))["data"]:
            pass
        assert await rest.get(paths.events(scan)) == {"data": [], "next": None}
        assert await rest.get(paths.scan(scan)) == row
        async with watching(forgetful.url) as watcher:
            answer = await watcher.subscribe(scan, after={scan: 1})
        assert answer["scans"][0]["snapshot"]["status"] == "completed"
        assert (answer["scans"][0]["events"], answer["more"]) == ([], False)
