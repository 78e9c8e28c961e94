"""What the scanner finds reaches the analyst: through a gateway, into every table of a scan.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

import random

import pytest

import scanwatch
from scanwatch.errors import GatewayAnswerError, ScanFailed, UsageError
from scanwatch.testing import run_gateway
from tests.scanners.repository.conftest import GOOD_RECORD
from tests.scanners.repository.signing import public_pem

TEST = "# @gxp-spec SPEC-001-001\n# @trace US-001-001\n# @test-type OQ\n# @gxp-risk LOW\n"


@pytest.fixture
def client():
    with run_gateway() as gateway, scanwatch.connect(gateway.url) as client:
        yield client


def test_every_table_of_a_scanned_repository(repo, client):
    first = client.scan(repo.path, key=public_pem()).wait(60)
    repo.commit({"tests/test_card.py": TEST, ".gxp/requirements/REQ-002-refund.md": "---\ngxp_id: REQ-002\n---\n"})
    scan = client.scan(repo.path, key=public_pem()).wait(60)

    assert scan.result().dialects == client.attach(scan.id).result().dialects == ("draft-03",)
    assert scan.annotations()["artifact_id"].tolist() == ["SPEC-001-001", "US-001-001"]
    assert scan.evidence()[["signature", "intact"]].to_numpy().tolist() == [["verified", True]]
    paths = scan.traceability()
    assert paths["verified"].tolist() == [True, False]
    assert paths["requirement"].tolist() == ["REQ-001", "REQ-002"]
    assert scan.coverage()[["risk", "tier", "verified"]].to_numpy().tolist()[0] == ["LOW", "OQ", 1]
    assert scan.risks()["risk_id"].tolist() == ["RISK-001"]
    assert paths.attrs == {"scan": scan.id, "target": repo.path.as_uri(), "commit": repo.git("rev-parse", "HEAD")}

    changes = first.compare(scan)
    added = changes[(changes["what"] == "artifact") & (changes["change"] == "added")]
    assert added["artifact_id"].tolist() == ["REQ-002"]
    assert set(changes.loc[changes["what"] == "finding", "change"]) == {"added"}

    trend = client.trend(repo.path.as_uri())
    assert trend.index.tolist() == [first.id, scan.id]
    assert trend["verified"].tolist() == [1.0, 1.0]
    assert trend["artifacts"].tolist() == [7, 8]
    assert (trend["parse"] >= "0s").all()
    assert client.trend(str(repo.path)).index.tolist() == trend.index.tolist(), "as it was given to scan()"
    assert client.trend("nobody's").empty


def test_a_folder_of_a_remote_is_scanned_through_a_gateway_and_no_secret_gets_in(repo, git_host, client):
    repo.commit({f"pay/{name}": contents for name, contents in GOOD_RECORD.items()})
    url = f"{git_host}/repo/.git"

    scan = client.scan(url, path="pay", depth=0, ref="main").wait(60)

    assert (scan.status, scan.target) == ("completed", url)
    assert scan.artifacts()["file"].tolist()[0] == ".gxp/adr/ADR-001-one-terminal.md"
    assert scan.traceability()["designed"].tolist() == [True]
    with pytest.raises(UsageError, match="credential helper") as raised:
        client.scan(url.replace("http://", "http://reader:s3cret@"))
    assert "s3cret" not in str(raised.value)
    with pytest.raises(ScanFailed, match="no folder 'nowhere'"):
        client.scan(url, path="nowhere").result(60)
    with pytest.raises(GatewayAnswerError, match="Did you mean path"):
        client.scan(url, subfolder="pay")


def test_a_clone_is_cancelled_through_a_gateway_and_the_next_scan_goes_on(repo, slow_git_host, client, tmp_path):
    url, stall = slow_git_host
    repo.commit({"src/noise.bin": random.Random(1).randbytes(400_000)})
    scan = client.scan(f"{url}/repo/.git")
    assert stall.reached.wait(60)

    scan.cancel()
    scan.wait(60)

    assert scan.status == "cancelled"
    assert {one.suffix for one in (tmp_path / "cache/clones").iterdir()} <= {".lock"}
    stall.opened.set()
    assert len(client.scan(f"{url}/repo/.git").wait(60).artifacts()) == 7


async def test_the_awaiting_client_has_the_same_tables(repo):
    with run_gateway() as gateway:
        async with scanwatch.AsyncClient(gateway.url) as client:
            scan = await client.scan(repo.path)
            await scan.wait(60)
            assert len(await scan.annotations()) == 0
            assert (await scan.evidence())["signature"].tolist() == ["unverifiable"]
            assert (await scan.traceability())["designed"].tolist() == [True]
            assert len(await scan.coverage()) == 1
            assert len(await scan.risks()) == 1
            assert (await scan.compare(scan)).empty
            assert len(await client.trend(repo.path.as_uri())) == 1


def test_a_simulated_scan_has_them_too(client):
    scan = client.scan("sim://acme/payments?files=120&duration_s=0.05&artifacts=90").wait(60)

    tables = scan.artifacts(), scan.annotations(), scan.evidence(), scan.findings(), scan.risks(), scan.coverage()
    assert not any(table.empty for table in tables)
    paths = scan.traceability()
    assert paths["designed"].any()
    assert 0 < paths["verified"].sum() < paths["designed"].sum(), "some of it is verified, not all"


def test_only_scans_that_completed_are_compared(client):
    done = client.scan("sim://acme/payments?files=9&duration_s=0.05").wait(60)
    failed = client.scan("sim://acme/payments?files=9&duration_s=0.05&fail=fetch:1:invalid").wait(60)
    for one, other in ((done, failed), (failed, done)):
        with pytest.raises(scanwatch.UsageError, match=f"{failed.id} is failed: there is nothing to compare"):
            one.compare(other)
    with pytest.raises(scanwatch.UsageError, match=r"client\.attach"):
        done.compare(failed.id)
    attrs = done.compare(done).attrs
    assert (attrs["scan"], attrs["compared_with"]) == (done.id, done.id)
