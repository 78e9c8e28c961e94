"""Remote repositories are cloned by git, credentials stay hidden, and nothing is left behind.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from scanwatch.errors import ScannerError
from scanwatch.scanners import Task
from scanwatch.scanners._runner import run_attempt
from scanwatch.scanners.repository import RepositoryScanner


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary files go, so that what is left of them can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def test_a_clone_gives_what_the_repository_itself_gives(repo, git_host, scan, temporary):
    assert scan(f"{git_host}/repo/.git").outcome == scan(repo.path).outcome
    assert list(temporary.iterdir()) == []


def test_any_ref_of_a_remote_can_be_scanned(repo, git_host, scan):
    first = repo.git("rev-parse", "HEAD")
    repo.git("branch", "release")
    repo.commit({"src/more.py": ""})

    for ref in ("release", first):
        assert scan(f"{git_host}/repo/.git", ref=ref).outcome.commit == first


def test_a_host_of_plain_files_is_cloned_too(repo, serve, scan, tmp_path):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    repo.git("update-server-info")
    with serve(partial(Quiet, directory=str(tmp_path))) as url:
        assert scan(f"{url}/repo/.git").outcome == scan(repo.path).outcome


def test_credentials_in_the_url_open_the_door(repo, guarded_git_host, scan):
    target = guarded_git_host.replace("http://", "http://reader:s3cret@") + "/repo/.git"

    assert scan(target).outcome == scan(repo.path).outcome


@pytest.mark.parametrize("credentials", ["", "reader:wr0ng@"])
def test_a_closed_door_is_told_without_the_credentials(repo, guarded_git_host, scan, temporary, credentials):
    target = guarded_git_host.replace("http://", f"http://{credentials}") + "/repo/.git"

    with pytest.raises(ScannerError, match="wants credentials") as raised:
        scan(target)
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)
    assert "wr0ng" not in str(raised.value)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [(404, "not_found", False), (403, "invalid", False), (429, "rate_limited", True), (500, "internal", True)],
)
def test_a_host_that_refuses_is_told_by_class(serve, scan, status, code, retryable):
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with serve(Refusing) as url, pytest.raises(ScannerError, match="could not be cloned") as raised:
        scan(f"{url}/x.git")
    assert (raised.value.code, raised.value.retryable) == (code, retryable)


def test_an_empty_remote_is_told_so(empty_repo, git_host, scan):
    with pytest.raises(ScannerError, match="no commit at HEAD"):
        scan(f"{git_host}/repo/.git")


async def test_a_scan_runs_in_a_child_process(repo, scan):
    reports = []

    outcome = await run_attempt(RepositoryScanner, Task("scan-1", str(repo.path)), reports.append)

    assert outcome == scan(repo.path).outcome
    assert reports


async def test_a_cancelled_clone_ends_git_and_removes_the_copy(tmp_path, temporary, monkeypatch):
    """Git is replaced by a script that clones for ever, says which process it is, and honours no request to end."""
    said = tmp_path / "pid"
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    lines = ('trap "" TERM', f"echo $$ > {said}.part", f"mv {said}.part {said}", "while :; do sleep 0.05; done")
    slow.write_text("\n".join((f"#!{shutil.which('sh')}", *lines)))
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    scan = asyncio.create_task(
        run_attempt(RepositoryScanner, Task("scan-1", "https://example.invalid/x"), lambda _: None)
    )
    async with asyncio.timeout(10):
        while not said.exists():
            await asyncio.sleep(0.01)

    scan.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scan

    assert _is_gone(int(said.read_text()))
    assert list(temporary.iterdir()) == []


def _is_gone(pid: int) -> bool:
    """Whether the process has ended: one that was killed may stay as a zombie until it is collected."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False
