"""Scans over REST: triggered, read, listed, cancelled, tried again; what is malformed is named.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scanwatch import wire
from tests.gateway._peers import Rest

paths = wire.paths
UNKNOWN = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"
QUICK = "files=8&duration_s=0.05"
STUCK = "files=8&duration_s=0.05&stall=fetch"


async def until(rest: Rest, scan: str, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            row: dict[str, Any] = await rest.get(paths.scan(scan))
            if all(row[key] == value for key, value in wanted.items()):
                return row
            await asyncio.sleep(0.01)


async def test_a_trigger_is_accepted_once_the_scan_is_on_record(rest: Rest) -> None:
    repository = await rest.register(f"sim://acme/one?{QUICK}")
    status, answer = await rest.ask("POST", paths.trigger(repository))
    assert status == 202
    assert answer == {
        "scanId": answer["scanId"],
        "jobId": answer["scanId"],
        "status": "queued",
        "message": "The scan is queued.",
    }
    assert (await rest.get(paths.scan(answer["scanId"])))["repositoryId"] == repository


async def test_a_trigger_passes_options_to_the_scanner(rest: Rest) -> None:
    repository = await rest.register(f"sim://acme/one?{QUICK}")
    status, answer = await rest.ask("POST", paths.trigger(repository), json={"options": {"files": 12}})
    assert status == 202
    await rest.until_ended(answer["scanId"])
    assert (await rest.history(answer["scanId"]))[-1]["result"]["files"] == 12


async def test_a_completed_scan_reads_as_the_field_expects_it(rest: Rest) -> None:
    row = await rest.until_ended(await rest.scan(QUICK))
    assert row["status"] == "completed"
    assert row["jobProgress"] == {"state": "completed", "progress": 100}
    assert row["durationMs"] > 0
    assert row["completedAt"] > row["startedAt"] >= row["createdAt"]
    assert row["errorMessage"] is row["commitMessage"] is row["errorStack"] is None
    assert row["artifactsCreated"] == 2


async def test_the_job_of_a_scan_is_waiting_active_delayed_and_failed(rest: Rest) -> None:
    stuck = [await rest.scan(STUCK) for _ in range(4)]
    assert (await until(rest, stuck[0], status="in_progress"))["jobProgress"]["state"] == "active"
    assert (await rest.get(paths.scan(stuck[3])))["jobProgress"] == {"state": "waiting", "progress": 0}
    for scan in stuck:
        await rest.ask("POST", paths.cancel(scan))
    failing = await rest.scan(f"{QUICK}&fail=fetch")
    states = set()
    while (row := await rest.get(paths.scan(failing)))["status"] != "failed":
        states.add(row["jobProgress"]["state"])
        await asyncio.sleep(0.005)
    assert {"active", "delayed"} <= states
    assert row["jobProgress"]["state"] == "failed"
    assert (row["attempt"], row["code"]) == (3, "internal")
    assert row["errorMessage"]


async def test_progress_tells_the_state_of_the_job(rest: Rest) -> None:
    scan = await rest.scan(STUCK)
    await until(rest, scan, phase="fetch")
    answer = await rest.get(paths.progress(scan))
    assert (answer["scanId"], answer["jobId"], answer["state"]) == (scan, scan, "active")
    assert 10 <= answer["progress"] <= 30
    assert answer["message"] == "Fetching files"


async def test_a_history_is_read_page_by_page(rest: Rest) -> None:
    scan = await rest.scan(QUICK)
    last = (await rest.until_ended(scan))["seq"]
    first = await rest.get(paths.events(scan), params={"limit": 3})
    assert [row["payload"]["seq"] for row in first["data"]] == [1, 2, 3]
    assert first["data"][0]["event"] == f"scan:{scan}:progress"
    assert first["next"] == 3
    rest_of_it = await rest.get(paths.events(scan), params={"after": 3, "limit": 1000})
    assert [row["payload"]["seq"] for row in rest_of_it["data"]] == list(range(4, last + 1))
    assert rest_of_it["next"] is None
    assert await rest.get(paths.events(scan), params={"after": last}) == {"data": [], "next": None}


async def test_results_are_read_page_by_page(rest: Rest) -> None:
    scan = await rest.scan("files=8&duration_s=0.05&artifacts=7&findings=3")
    await rest.until_ended(scan)
    page = await rest.get(paths.artifacts(scan), params={"page": 2, "limit": 5})
    assert len(page["data"]) == 2
    assert page["data"][0].keys() >= {"artifactId", "kind", "parentId", "file"}
    assert page["pagination"] == {
        "page": 2,
        "limit": 5,
        "total": 7,
        "totalPages": 2,
        "hasNext": False,
        "hasPrevious": True,
    }
    findings = await rest.get(paths.findings(scan))
    assert findings["pagination"]["total"] == 3
    assert findings["data"][0].keys() >= {"rule", "level", "message", "suppressed"}


async def test_scans_are_listed_newest_first_and_filtered(rest: Rest) -> None:
    done = await rest.scan(QUICK)
    await rest.until_ended(done)
    failed = await rest.trigger(await rest.register("sim://other/two?files=8&duration_s=0.05&fail=fetch:1:invalid"))
    assert (await rest.until_ended(failed))["status"] == "failed"
    stuck = await rest.scan(STUCK)
    repository = (await rest.get(paths.scan(failed)))["repositoryId"]

    async def listed(**asked: Any) -> list[str]:
        return [row["id"] for row in (await rest.get(paths.scans, params=asked))["data"]]

    assert await listed() == [stuck, failed, done]
    assert await listed(limit=1, page=2) == [failed]
    assert await listed(page=9) == []
    assert await listed(status="completed,failed") == [failed, done]
    assert await rest.get(f"{paths.scans}?status=completed&status=failed&limit=1&page=2") != []
    assert await listed(repository=repository) == [failed]
    assert await listed(repository="OTHER/") == [failed]
    assert await listed(requestedBy="nobody") == []
    assert await listed(createdFrom="2020-01-01T00:00:00Z", createdBefore="2020-01-02T00:00:00Z") == []
    rows = await rest.get(paths.repository_scans(repository))
    assert [row["id"] for row in rows["data"]] == [failed]
    assert rows["pagination"]["total"] == 1


async def test_a_running_scan_is_cancelled_however_often_it_is_asked(rest: Rest) -> None:
    scan = await rest.scan(STUCK)
    await until(rest, scan, phase="fetch")
    for _ in range(3):
        status, answer = await rest.ask("POST", paths.cancel(scan))
        assert (status, answer["scanId"]) == (202, scan)
        assert answer["status"] in ("cancelling", "cancelled")
    row = await rest.until_ended(scan)
    assert (row["status"], row["code"], row["jobProgress"]["state"]) == ("cancelled", "cancelled", "failed")
    history = await rest.history(scan)
    assert [event.get("status") for event in history].count("cancelling") == 1
    assert (await rest.ask("POST", paths.cancel(scan)))[0] == 202
    assert await rest.history(scan) == history


async def test_a_waiting_scan_is_cancelled_at_once(rest: Rest) -> None:
    stuck = [await rest.scan(STUCK) for _ in range(4)]
    assert (await rest.ask("POST", paths.cancel(stuck[3])))[1]["status"] == "cancelled"


async def test_a_retry_is_a_new_scan_of_the_same_target(rest: Rest) -> None:
    old = await rest.scan(f"{QUICK}&fail=fetch:1:invalid")
    assert (await rest.until_ended(old))["status"] == "failed"
    status, answer = await rest.ask("POST", paths.retry(old))
    assert status == 202
    row = await rest.until_ended(answer["scanId"])
    assert row["id"] != old
    assert row["retryOf"] == old
    assert row["target"] == (await rest.get(paths.scan(old)))["target"]


async def test_a_scan_that_runs_is_not_retried(rest: Rest) -> None:
    scan = await rest.scan(STUCK)
    status, answer = await rest.ask("POST", paths.retry(scan))
    assert status == 409
    assert scan in answer["message"]


SCAN_ROUTES = [
    ("GET", paths.scan),
    ("GET", paths.progress),
    ("GET", paths.events),
    ("GET", paths.artifacts),
    ("GET", paths.findings),
    ("GET", paths.annotations),
    ("GET", paths.evidence),
    ("POST", paths.cancel),
    ("POST", paths.retry),
]


@pytest.mark.parametrize(("method", "path"), SCAN_ROUTES)
async def test_every_route_of_a_scan_names_a_malformed_id_and_misses_an_unknown_one(
    rest: Rest, method: str, path: Any
) -> None:
    status, answer = await rest.ask(method, path("no-uuid"))
    assert (status, answer["statusCode"], answer["error"]) == (400, 400, "Bad Request")
    assert "no-uuid" in answer["message"]
    status, answer = await rest.ask(method, path(UNKNOWN))
    assert (status, answer["statusCode"], answer["error"]) == (404, 404, "Not Found")
    assert UNKNOWN in answer["message"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=", "limit"),
        ("page=99999999999999999999", "page"),
        ("status=done", "done"),
        ("createdFrom=yesterday", "yesterday"),
    ],
)
async def test_a_malformed_query_is_refused_with_its_name(rest: Rest, query: str, named: str) -> None:
    status, answer = await rest.ask("GET", f"{paths.scans}?{query}")
    assert status == 400
    assert named in answer["message"]


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001"])
async def test_a_malformed_cursor_is_refused(rest: Rest, query: str) -> None:
    scan = await rest.scan(QUICK)
    status, answer = await rest.ask("GET", f"{paths.events(scan)}?{query}")
    assert status == 400
    assert query.partition("=")[0] in answer["message"]


async def test_a_trigger_sent_again_with_its_key_starts_no_second_scan(rest: Rest) -> None:
    path = paths.trigger(await rest.register(f"sim://acme/keyed?{QUICK}"))
    key = {wire.IDEMPOTENCY_KEY: "cut-off"}
    answers = await asyncio.gather(*(rest.ask("POST", path, headers=key) for _ in range(5)))
    scan = answers[0][1]["scanId"]
    assert {(status, answer["scanId"]) for status, answer in answers} == {(202, scan)}
    await until(rest, scan, status="completed")
    assert (await rest.ask("POST", path, headers=key))[1] == {
        "scanId": scan,
        "jobId": scan,
        "status": "completed",
        "message": "The scan was accepted before.",
    }
    assert (await rest.get(paths.scans, params={"repository": "acme/keyed"}))["pagination"]["total"] == 1
    assert (await rest.ask("POST", path, headers={wire.IDEMPOTENCY_KEY: "another"}))[1]["scanId"] != scan


async def test_a_retry_sent_again_with_its_key_starts_one_scan(rest: Rest) -> None:
    scan = await rest.scan(QUICK)
    await until(rest, scan, status="completed")
    key = {wire.IDEMPOTENCY_KEY: "again"}
    answers = [await rest.ask("POST", paths.retry(scan), headers=key) for _ in range(2)]
    assert answers[0][1]["scanId"] == answers[1][1]["scanId"] != scan


async def test_a_key_is_good_for_one_request_of_one_caller_and_no_longer_than_allowed(rest: Rest) -> None:
    one, other = [paths.trigger(await rest.register(f"sim://acme/{name}?{QUICK}")) for name in ("one", "other")]
    key = {wire.IDEMPOTENCY_KEY: "k" * wire.MAX_KEY}
    scan = (await rest.ask("POST", one, headers=key))[1]["scanId"]
    assert (await rest.ask("POST", other, headers=key))[1]["scanId"] != scan
    status, answer = await rest.ask("POST", one, headers=key, json={"options": {"files": 9}})
    assert (status, "take a new one" in answer["message"]) == (409, True)
    for wrong in ("", "k" * (wire.MAX_KEY + 1)):
        status, answer = await rest.ask("POST", one, headers={wire.IDEMPOTENCY_KEY: wrong})
        assert (status, f"1 to {wire.MAX_KEY} characters" in answer["message"]) == (400, True)
