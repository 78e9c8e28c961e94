"""The validation record over REST: the newest completed scan's documents, their links, and what is asked of them.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scanwatch import wire
from scanwatch.gateway._traceability import Traces
from scanwatch.model import Artifact
from tests.gateway._peers import Rest
from tests.scanners.repository.signing import public_pem, result, signed

paths = wire.paths
UNKNOWN = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"
LISTS = ["requirements", "user-stories", "specs", "evidence", "tag-blocks"]
DOCUMENT = {"id", "repositoryId", "scanId", "gxpId", "filePath", "metadata", "createdAt", "updatedAt"}
REQUIREMENT = DOCUMENT | {"title", "description", "gxpRiskRating", "acceptanceCriteria", "rawContent"}
STORY = REQUIREMENT | {"parentId", "asA", "iWant", "soThat", "status"}
SPEC = REQUIREMENT | {
    "parentId", "designApproach", "implementationNotes", "verificationTier", "sourceFiles", "testFiles",
}  # fmt: skip


async def scanned(rest: Rest, options: str = "artifacts=40", name: str = "one") -> tuple[str, str]:
    """A repository with a completed simulated scan, and that scan."""
    repository = await rest.register(f"sim://acme/{name}?files=60&duration_s=0.05&{options}")
    scan = await rest.trigger(repository)
    assert (await rest.until_ended(scan))["status"] == "completed"
    return repository, scan


async def all_artifacts(rest: Rest, scan: str, **asked: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await rest.get(paths.artifacts(scan), params={"limit": 100, **asked}))["data"]
    return rows


def committed(path: Path, files: Mapping[str, str] | None = None) -> Path:
    """A repository with our own record, and more files, in one commit."""
    shutil.copytree(Path(__file__).parents[2] / ".gxp", path / ".gxp")
    for name, text in (files or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "keys"),
    [("requirements", "requirement", REQUIREMENT), ("user-stories", "user_story", STORY), ("specs", "spec", SPEC)],
)
async def test_each_kind_is_listed_with_every_key_of_the_field(
    rest: Rest, name: str, kind: str, keys: set[str]
) -> None:
    repository, scan = await scanned(rest)
    expected = await all_artifacts(rest, scan, kind=kind)
    page = await rest.get(paths.documents(repository, name), params={"limit": 100})
    assert [row["gxpId"] for row in page["data"]] == [row["artifactId"] for row in expected] != []
    assert page["pagination"]["total"] == len(expected)
    first = page["data"][0]
    assert first.keys() >= keys
    assert (first["scanId"], first["repositoryId"], first["title"]) == (scan, repository, expected[0]["title"])
    assert first["description"] is first["rawContent"] is None


async def test_the_system_context_is_one_object_or_not_there(rest: Rest) -> None:
    repository, _ = await scanned(rest)
    context = await rest.get(paths.documents(repository, "system-context"))
    assert context["gxpId"] == "SYS-001"
    assert (context["gxpRiskRating"], context["validationStatus"]) == ("HIGH", "VALIDATED")
    assert context["intendedUse"] is None
    empty, _ = await scanned(rest, "artifacts=0", "empty")
    status, answer = await rest.ask("GET", paths.documents(empty, "system-context"))
    assert (status, answer["statusCode"]) == (404, 404)


async def test_an_id_stays_the_same_from_scan_to_scan(rest: Rest) -> None:
    repository, first = await scanned(rest)
    before = (await rest.get(paths.documents(repository, "specs")))["data"]
    second = await rest.trigger(repository)
    await rest.until_ended(second)
    after = (await rest.get(paths.documents(repository, "specs")))["data"]
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert {row["scanId"] for row in before} == {first}
    assert {row["scanId"] for row in after} == {second}


async def test_a_scan_that_failed_or_runs_takes_nothing_away(rest: Rest) -> None:
    repository, done = await scanned(rest, "artifacts=9", "steady")
    for options in ({"fail": "fetch:1:invalid"}, {"stall": "fetch"}):
        status, answer = await rest.ask("POST", paths.trigger(repository), json={"options": options})
        assert status == 202, answer
    rows = (await rest.get(paths.documents(repository, "requirements")))["data"]
    assert {row["scanId"] for row in rows} == {done}


async def test_documents_are_filtered_and_paged(rest: Rest) -> None:
    repository, scan = await scanned(rest)
    specs = await all_artifacts(rest, scan, kind="spec")
    risk, tier = specs[0]["risk"], specs[0]["tier"]
    wanted = [row["artifactId"] for row in specs if row["risk"] == risk and row["tier"] == tier]
    asked = {"risk": risk.lower(), "tier": tier}
    page = await rest.get(paths.documents(repository, "specs"), params={**asked, "limit": 1})
    assert [row["gxpId"] for row in page["data"]] == wanted[:1]
    assert page["pagination"]["total"] == len(wanted)
    parent = specs[0]["parentId"]
    rows = (await rest.get(paths.documents(repository, "specs"), params={"parentId": parent}))["data"]
    assert {row["parentId"] for row in rows} == {parent}
    assert (await rest.get(paths.documents(repository, "specs"), params={"risk": "none"}))["data"] == []
    assert (await rest.ask("GET", paths.documents(repository, "specs"), params={"limit": "0"}))[0] == 400


async def test_artifacts_and_findings_of_a_scan_are_filtered(rest: Rest) -> None:
    _, scan = await scanned(rest, "artifacts=30&findings=12")
    both = await all_artifacts(rest, scan, kind="requirement,user_story")
    assert {row["kind"] for row in both} == {"requirement", "user_story"}
    everything = (await rest.get(paths.findings(scan), params={"limit": 100}))["data"]
    level = everything[0]["level"]
    page = await rest.get(paths.findings(scan), params={"level": level, "limit": 2})
    assert page["pagination"]["total"] == sum(row["level"] == level for row in everything)
    artifact = everything[0]["artifactId"]
    rows = (await rest.get(paths.findings(scan), params={"artifactId": artifact}))["data"]
    assert rows == [row for row in everything if row["artifactId"] == artifact]


async def test_scans_of_a_repository_are_filtered_by_status(rest: Rest) -> None:
    repository, scan = await scanned(rest)
    listing = paths.repository_scans(repository)
    assert [row["id"] for row in (await rest.get(listing, params={"status": "completed"}))["data"]] == [scan]
    assert (await rest.get(listing, params={"status": "failed"}))["data"] == []
    assert (await rest.ask("GET", listing, params={"status": "done"}))[0] == 400


@pytest.mark.parametrize("name", LISTS)
async def test_before_the_first_completed_scan_lists_are_empty(rest: Rest, name: str) -> None:
    repository = await rest.register("sim://acme/new")
    page = await rest.get(paths.documents(repository, name))
    assert (page["data"], page["pagination"]["total"]) == ([], 0)


async def test_before_the_first_completed_scan_nothing_is_called_valid(rest: Rest) -> None:
    repository = await rest.register("sim://acme/new")
    assert await rest.get(paths.traceability(repository, "graph")) == {"nodes": [], "edges": []}
    for path in (paths.traceability(repository, "audit"), paths.chain(repository, "REQ-001")):
        assert (await rest.ask("GET", path))[0] == 404


ROUTES = [
    *(f"{{}}/{name}" for name in [*LISTS, "system-context"]),
    "{}/traceability/graph",
    "{}/traceability/audit",
    "{}/traceability/chain/REQ-001",
]


@pytest.mark.parametrize("route", ROUTES)
async def test_every_route_names_a_malformed_id_and_misses_an_unknown_one(rest: Rest, route: str) -> None:
    for repository, expected in (("no-uuid", 400), (UNKNOWN, 404)):
        status, answer = await rest.ask("GET", route.format(paths.repository(repository)))
        assert (status, answer["statusCode"]) == (expected, expected)
        assert repository in answer["message"]


async def test_the_graph_links_every_document_to_its_parent_once(rest: Rest) -> None:
    repository, scan = await scanned(rest)
    rows = await all_artifacts(rest, scan, kind="requirement,user_story,spec,evidence_jws,evidence_package")
    graph = await rest.get(paths.traceability(repository, "graph"))
    assert {node["id"] for node in graph["nodes"]} == {row["artifactId"] for row in rows}
    links = [(edge["source"], edge["target"]) for edge in graph["edges"]]
    assert sorted(links) == sorted((row["parentId"], row["artifactId"]) for row in rows if row["parentId"])
    kinds = {"requirement_to_user_story", "user_story_to_spec", "spec_to_evidence"}
    assert {edge["type"] for edge in graph["edges"]} == kinds
    assert all(edge["valid"] for edge in graph["edges"])
    audit = await rest.get(paths.traceability(repository, "audit"))
    assert audit == {"repositoryId": repository, "status": "valid", "brokenLinksCount": 0, "brokenLinks": []}


async def test_a_chain_runs_up_to_the_requirement_and_down_to_the_specs(rest: Rest) -> None:
    repository, scan = await scanned(rest)
    spec = (await all_artifacts(rest, scan, kind="spec"))[0]
    story = next(row for row in await all_artifacts(rest, scan) if row["artifactId"] == spec["parentId"])
    chain = await rest.get(paths.chain(repository, spec["artifactId"]))
    assert chain["documentId"] == spec["artifactId"]
    assert [node["id"] for node in chain["upstream"]] == [story["artifactId"], story["parentId"]]
    proofs = await all_artifacts(rest, scan, kind="evidence_jws,evidence_package", parentId=spec["artifactId"])
    assert [node["id"] for node in chain["downstream"]] == [row["artifactId"] for row in proofs]
    below = (await rest.get(paths.chain(repository, story["parentId"])))["downstream"]
    assert {story["artifactId"], spec["artifactId"]} <= {node["id"] for node in below}
    assert (await rest.ask("GET", paths.chain(repository, "REQ-999/../x")))[0] == 404


async def test_a_real_repository_is_answered_in_the_same_words(rest: Rest, tmp_path: Path) -> None:
    repository = await rest.register(str(committed(tmp_path / "own")))
    assert (await rest.until_ended(await rest.trigger(repository)))["status"] == "completed"
    lists = {name: (await rest.get(paths.documents(repository, name)))["data"] for name in LISTS[:3]}
    for rows, keys in zip(lists.values(), (REQUIREMENT, STORY, SPEC), strict=True):
        assert all(row.keys() >= keys for row in rows)
    requirement, story, spec = (rows[0] for rows in lists.values())
    assert (requirement["gxpId"], requirement["title"]) == ("REQ-001", "Watch scans live")
    assert requirement["description"].startswith("People who started a scan")
    assert len(requirement["acceptanceCriteria"]) > 1
    assert (story["parentId"], story["asA"]) == ("REQ-001", "an analyst with many scans running")
    assert story["iWant"]
    assert story["soThat"]
    assert spec["sourceFiles"] == ["scanwatch/model.py", "scanwatch/snapshot"]
    assert spec["testFiles"]
    assert spec["designApproach"]
    context = await rest.get(paths.documents(repository, "system-context"))
    assert (context["projectName"], context["gxpRiskRating"]) == ("scanwatch", "HIGH")
    assert context["version"]
    assert context["intendedUse"]
    assert (await rest.get(paths.traceability(repository, "audit")))["status"] == "valid"


async def test_broken_links_of_a_real_repository_are_told_with_their_reason(rest: Rest, tmp_path: Path) -> None:
    lost = "---\ngxp_id: US-009-001\ntitle: Lost\nparent_id: REQ-009\n---\n"
    skips = "---\ngxp_id: SPEC-009-001\ntitle: Skips\nparent_id: REQ-001\n---\n"
    files = {".gxp/user_stories/US-009-001-lost.md": lost, ".gxp/specs/SPEC-009-001-skips.md": skips}
    repository = await rest.register(str(committed(tmp_path / "own", files)))
    assert (await rest.until_ended(await rest.trigger(repository)))["status"] == "completed"
    audit = await rest.get(paths.traceability(repository, "audit"))
    assert (audit["status"], audit["brokenLinksCount"]) == ("invalid", 2)
    told = {row["sourceId"]: (row["targetId"], row["linkType"], row["reason"]) for row in audit["brokenLinks"]}
    assert told == {
        "US-009-001": ("REQ-009", "requirement_to_user_story", "There is no requirement REQ-009."),
        "SPEC-009-001": ("REQ-001", "user_story_to_spec", "REQ-001 is a requirement; a user story is expected."),
    }
    edges = (await rest.get(paths.traceability(repository, "graph")))["edges"]
    assert {edge["target"] for edge in edges if not edge["valid"]} == told.keys()


async def test_annotations_are_tag_blocks_to_the_field_and_rows_of_a_scan_to_us(rest: Rest, tmp_path: Path) -> None:
    source = "# @gxp-spec SPEC-001-001\n# @trace US-001-001\n# @test-type OQ\n# @gxp-risk HIGH\n# @gxp-spec SPEC-9\n"
    repository = await rest.register(str(committed(tmp_path / "own", {"tests/test_a.py": source})))
    scan = await rest.trigger(repository)
    assert (await rest.until_ended(scan))["status"] == "completed"
    page = await rest.get(paths.documents(repository, "tag-blocks"), params={"limit": 2})
    assert page["pagination"]["total"] == 3
    assert (page["data"][0]["gxpId"], page["data"][0]["traces"]) == ("SPEC-001-001", ["US-001-001"])
    assert [(row["filePath"], row["line"], row["gxpType"]) for row in page["data"]] == [
        ("tests/test_a.py", 1, "OQ"),
        ("tests/test_a.py", 2, "OQ"),
    ]
    lost = await rest.get(paths.annotations(scan), params={"resolved": "false"})
    assert [(row["artifactId"], row["line"], row["risk"]) for row in lost["data"]] == [("SPEC-9", 5, None)]
    one = await rest.get(paths.annotations(scan), params={"artifactId": "US-001-001", "file": "tests/test_a.py"})
    assert [(row["tag"], row["dialect"]) for row in one["data"]] == [("trace", "draft-03")]


async def test_evidence_says_whether_its_signature_holds_as_far_as_anybody_knows(rest: Rest, tmp_path: Path) -> None:
    file = ".gxp/evidence/EV-SPEC-001-001.jws"
    repository = await rest.register(str(committed(tmp_path / "own", {file: signed(result())})))
    for key, valid in ((public_pem(), True), (public_pem("RS256"), None)):
        status, answer = await rest.ask("POST", paths.trigger(repository), json={"options": {"key": key}})
        assert status == 202, answer
        assert (await rest.until_ended(answer["scanId"]))["status"] == "completed"
        (row,) = (await rest.get(paths.documents(repository, "evidence")))["data"]
        assert (row["isSignatureValid"], row["verificationTier"], row["parentId"]) == (valid, "OQ", "SPEC-001-001")
        assert row["testResults"] == {"passed": 3, "failed": 0, "skipped": 1}
        assert row["jwsHeader"] == {"alg": "ES256", "kid": "ada"}
        page = await rest.get(paths.evidence(answer["scanId"]), params={"signature": "verified"})
        assert page["pagination"]["total"] == bool(valid)


def artifact(artifact_id: str, kind: str, parent: str | None = None) -> Artifact:
    return Artifact(artifact_id, kind, parent_id=parent)


def test_links_that_do_not_hold_say_why_and_are_counted_once() -> None:
    traces = Traces(
        [
            artifact("REQ-001", "requirement"),
            artifact("US-001", "user_story", "REQ-404"),
            artifact("US-001", "user_story", "REQ-001"),
            artifact("SPEC-001", "spec", "REQ-001"),
            artifact("EV-001", "evidence_jws", "SPEC-001"),
            artifact("ADR-001", "adr", "REQ-001"),
        ]
    )
    assert [(link.child, link.reason) for link in traces.broken] == [
        ("US-001", "There is no requirement REQ-404."),
        ("SPEC-001", "REQ-001 is a requirement; a user story is expected."),
    ]
    assert [(link.kind, link.child) for link in traces.links][-1] == ("spec_to_evidence", "EV-001")


def test_a_circle_of_parents_ends_where_it_closes() -> None:
    traces = Traces([artifact("A", "user_story", "B"), artifact("B", "user_story", "A")])
    assert [row.artifact_id for row in traces.upstream("A")] == ["B"]
    assert [row.artifact_id for row in traces.downstream("A")] == ["B"]
