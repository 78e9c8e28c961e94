"""Remote repositories are cloned by git, credentials stay hidden, and nothing is left behind.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import tempfile
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from scanwatch.errors import ScannerError
from scanwatch.scanners import Task
from scanwatch.scanners._runner import run_attempt
from scanwatch.scanners.repository import RepositoryScanner, fetching
from scanwatch.scanners.repository.clones import LIMIT_VARIABLE
from tests.scanners.repository import signing
from tests.scanners.repository.conftest import GOOD_RECORD, Repo


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary files go, so that what is left of them can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_a_clone_gives_what_the_repository_itself_gives(repo, git_host, scan, temporary):
    assert scan(f"{git_host}/repo/.git").outcome == scan(repo.path).outcome
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("limit_mb", ["5000", "0"])
def test_any_ref_of_a_remote_can_be_scanned(repo, git_host, scan, monkeypatch, limit_mb):
    monkeypatch.setenv(LIMIT_VARIABLE, limit_mb)
    first = repo.git("rev-parse", "HEAD")
    repo.git("branch", "release")
    repo.git("tag", "-a", "v1", "-m", "One")
    repo.commit({"src/more.py": ""})

    for ref in ("release", "refs/heads/release", "v1", first, first[:10], "main~1", "HEAD~1", "@~1"):
        assert scan(f"{git_host}/repo/.git", ref=ref).outcome.commit == first


def test_what_head_is_elsewhere_counts_and_not_a_name_that_is_usual(repo, git_host, scan):
    head = repo.git("rev-parse", "HEAD")
    repo.git("branch", "develop")
    repo.commit({"src/more.py": ""})
    repo.git("symbolic-ref", "HEAD", "refs/heads/develop")

    assert scan(f"{git_host}/repo/.git").outcome.commit == head
    assert scan(f"{git_host}/repo/.git", ref="@").outcome.commit == head
    with pytest.raises(ScannerError, match="no commit called 'HEAD~1'"):
        scan(f"{git_host}/repo/.git", ref="HEAD~1")


def test_a_branch_that_is_gone_elsewhere_is_gone_here(repo, git_host, scan):
    repo.commit({"src/more.py": ""})
    repo.git("branch", "old")
    assert scan(f"{git_host}/repo/.git", ref="old~1").outcome.commit == repo.git("rev-parse", "HEAD~1")
    repo.git("branch", "-D", "old")
    repo.git("branch", "old/er")

    with pytest.raises(ScannerError, match="no commit called 'old~1'"):
        scan(f"{git_host}/repo/.git", ref="old~1")
    assert scan(f"{git_host}/repo/.git", ref="old/er~1").outcome.commit == repo.git("rev-parse", "HEAD~1")


@pytest.mark.needs("ssh")
def test_a_repository_is_fetched_over_ssh(repo, scan, tmp_path, monkeypatch):
    """Git speaks to a command in ssh's place, which runs the other side's git here, as the host would."""
    command = tmp_path / "ssh.sh"
    command.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    command.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(command))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")

    for target in (f"ssh://git@git.example{repo.path}", f"git@git.example:{repo.path}"):
        assert scan(target).outcome == scan(repo.path).outcome


@pytest.mark.needs("ssh")
@pytest.mark.parametrize(
    ("said", "code", "remedy"),
    [
        ("git@host: Permission denied (publickey).", "invalid", "SSH agent"),
        ("Host key verification failed.", "invalid", "known hosts"),
        ("write error: No space left on device", "internal", "Make room"),
        ("ssh: connect to host git.example port 22: Connection refused", "internal", "try again"),
    ],
)
def test_what_ssh_says_is_passed_on(scan, tmp_path, monkeypatch, said, code, remedy):
    command = tmp_path / "ssh.sh"
    command.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 255\n")
    command.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(command))

    with pytest.raises(ScannerError, match=remedy) as raised:
        scan("ssh://git@git.example/x")
    assert said.rstrip(".") in str(raised.value)
    assert raised.value.code == code


def test_a_fetch_tells_how_far_it_is(repo, slow_git_host, scan):
    url, stall = slow_git_host
    stall.opened.set()
    repo.commit({f"src/{number}.bin": random.Random(number).randbytes(4000) for number in range(100)})

    reports = scan(f"{url}/repo/.git").reports

    shares = {one.message: one.share for one in reports if one.share is not None}
    assert shares[f"Cloning {url}/repo/.git: receiving objects 100 %"] == pytest.approx(0.8)
    assert list(shares.values()) == sorted(shares.values())
    assert all(0 <= share < 1 for share in shares.values())


def test_a_fetch_that_takes_too_long_is_ended_and_told(repo, slow_git_host, scan, monkeypatch):
    url, _ = slow_git_host
    repo.commit({"src/noise.bin": random.Random(1).randbytes(400_000)})
    monkeypatch.setattr(fetching, "FETCH_TIMEOUT_S", 1.0)

    with pytest.raises(ScannerError, match="did not finish within 1 s") as raised:
        scan(f"{url}/repo/.git")
    assert raised.value.code == "timeout"


@pytest.mark.parametrize("ref", ["no-such-branch", "0" * 40, "abcdef0", "main~7"])
def test_a_ref_that_a_remote_does_not_have_is_named(repo, git_host, scan, ref):
    with pytest.raises(ScannerError, match=f"no commit called '{ref}'") as raised:
        scan(f"{git_host}/repo/.git", ref=ref)
    assert (raised.value.code, raised.value.retryable) == ("not_found", False)


def test_a_folder_of_a_remote_can_be_scanned(repo, git_host, scan):
    repo.commit({f"pay/{name}": contents for name, contents in GOOD_RECORD.items()})

    assert scan(f"{git_host}/repo/.git?path=pay").outcome == scan(repo.path, path="pay").outcome


def test_a_repository_of_the_newer_object_format_is_cloned_too(tmp_path, git_host, scan):
    newer = Repo(tmp_path / "newer")
    newer.path.mkdir()
    newer.git("init", "--quiet", "--object-format=sha256")
    commit = newer.commit(GOOD_RECORD)

    assert len(commit) == 64
    assert scan(f"{git_host}/newer/.git").outcome == scan(newer.path).outcome


def test_the_state_of_an_earlier_commit_is_known_as_far_as_the_depth_reaches(repo, git_host, scan):
    state = scan(repo.path).outcome.commit
    for number in range(3):
        repo.commit({"src/more.py": str(number)})
    evidence = signing.signed(signing.result(git_commit=state, system_state_hash="0" * 64))
    repo.commit({".gxp/evidence/EV-SPEC-001-001.jws": evidence})

    def rules(**options: object) -> set[str]:
        return scan(f"{git_host}/repo/.git", **options).rules

    assert rules() == set(), "of one commit alone nothing is known of another"
    assert rules(depth=0) == rules(depth=5) == {"evidence-state-differs"}
    assert rules(depth=1) == set(), "whatever else the copy holds by now"


def test_a_host_of_plain_files_is_cloned_too(repo, serve, scan, tmp_path):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    repo.git("update-server-info")
    with serve(partial(Quiet, directory=str(tmp_path))) as url:
        assert scan(f"{url}/repo/.git").outcome == scan(repo.path).outcome


def helped(password: str) -> None:
    """Give git a credential helper, as its users do, with this password for everybody who asks."""
    helper = f"!f() {{ echo username=reader; echo password={password}; }}; f"
    subprocess.run(["git", "config", "--global", "credential.helper", helper], check=True)


def test_gits_own_credential_helper_opens_the_door_and_nothing_keeps_what_it_said(repo, guarded_git_host, scan, cache):
    helped("s3cret")

    assert scan(f"{guarded_git_host}/repo/.git").outcome == scan(repo.path).outcome
    assert [file for file in cache.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()] == []


@pytest.mark.parametrize("password", [None, "wr0ng"])
def test_a_closed_door_is_told_without_the_credentials(repo, guarded_git_host, scan, temporary, password):
    if password:
        helped(password)

    with pytest.raises(ScannerError, match="wants credentials") as raised:
        scan(f"{guarded_git_host}/repo/.git")
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)
    assert "wr0ng" not in str(raised.value)
    assert list(temporary.iterdir()) == []


def test_credentials_in_the_url_are_refused_before_anybody_is_asked(scan):
    with pytest.raises(ScannerError, match="credential helper") as raised:
        scan("https://reader:s3cret@example.invalid/x.git")
    assert "s3cret" not in str(raised.value)


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
