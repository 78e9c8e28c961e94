"""Copies of repositories elsewhere are kept: whole, within their limit, by one at a time, and mended by themselves.

@gxp-spec SPEC-004-007 "Clone cache"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from scanwatch.errors import ScannerError
from scanwatch.scanners import Task
from scanwatch.scanners._runner import run_attempt
from scanwatch.scanners.repository import RepositoryScanner, clones
from scanwatch.scanners.repository.clones import LIMIT_VARIABLE, Wanted, cloned
from scanwatch.scanners.repository.git import GitRepository
from scanwatch.scanners.repository.target import Remote
from tests.scanners.repository.conftest import GOOD_RECORD

LARGE = {"src/noise.bin": random.Random(1).randbytes(400_000)}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache/clones"


def copies(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.is_dir()]


def leftovers(folder: Path) -> list[str]:
    """What an interrupted git leaves, and what is on its way in or out."""
    return [
        str(file)
        for file in folder.rglob("*")
        if file.suffix in {".part", ".gone"} or file.name.startswith("tmp_") or file.name.endswith("shallow.lock")
    ]


def said(scanned) -> list[str]:
    return [report.message.partition(" ")[0] for report in scanned.reports if report.message]


def test_the_second_scan_fetches_what_is_new_into_the_copy_of_the_first(repo, git_host, folder, scan):
    first = scan(f"{git_host}/repo/.git")
    repo.commit({"src/more.py": "# @gxp-req REQ-001\n"})
    second = scan(f"{git_host}/repo/.git")

    assert said(first)[0] == "Cloning"
    assert said(second)[0] == "Fetching"
    assert second.outcome == scan(repo.path).outcome
    assert len(copies(folder)) == 1


def test_an_unchanged_remote_is_scanned_again_without_reading_a_blob(repo, git_host, scan, monkeypatch):
    first = scan(f"{git_host}/repo/.git")
    monkeypatch.setattr(GitRepository, "blobs", lambda *_: pytest.fail("a blob was read"))

    assert scan(f"{git_host}/repo/.git").outcome == first.outcome


def test_a_branch_that_was_rewritten_is_scanned_as_it_is_now(repo, git_host, scan):
    repo.commit({"src/more.py": "1"})
    scan(f"{git_host}/repo/.git", ref="main")
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    now = repo.commit({"src/other.py": "2"})

    assert scan(f"{git_host}/repo/.git", ref="main").outcome.commit == now


@pytest.mark.parametrize("spoilt", ["pack", "HEAD", "users", "everything"])
def test_a_broken_copy_is_made_anew(repo, git_host, folder, scan, spoilt):
    expected = scan(f"{git_host}/repo/.git", incremental=False).outcome
    (copy,) = copies(folder)
    if spoilt == "pack":
        (pack,) = copy.glob("repository.git/objects/pack/*.pack")
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    elif spoilt == "HEAD":
        (copy / "repository.git/HEAD").unlink()
    elif spoilt == "users":
        shutil.rmtree(copy / "users")
    else:
        shutil.rmtree(copy / "repository.git")

    assert scan(f"{git_host}/repo/.git", incremental=False).outcome == expected
    assert leftovers(folder) == []
    assert said(scan(f"{git_host}/repo/.git"))[:2] == ["Fetching", "Listing"], "the copy is sound again"


def test_what_an_interrupted_fetch_left_stops_no_later_one(repo, git_host, folder, scan):
    scan(f"{git_host}/repo/.git")
    (copy,) = copies(folder)
    for name in ("repository.git/shallow.lock", "repository.git/objects/pack/tmp_pack_x1"):
        (copy / name).write_text("half")
    for suffix in (".part", ".gone"):
        shutil.copytree(copy, copy.with_suffix(suffix))
    commit = repo.commit({"src/more.py": ""})

    assert scan(f"{git_host}/repo/.git").outcome.commit == commit
    assert leftovers(folder) == []


def test_a_remote_that_cannot_be_reached_costs_no_copy(repo, tmp_path, serve, folder, scan):
    with pytest.raises(ScannerError, match="could not be cloned"):
        scan("http://127.0.0.1:1/x.git")
    assert copies(folder) == []
    assert leftovers(folder) == []


def test_copies_used_longest_ago_go_first(repo, git_host, folder, scan, monkeypatch):
    for name in ("a", "b", "c"):
        repo.git("clone", "--quiet", "--bare", str(repo.path), f"{repo.path.parent}/{name}.git")
        scan(f"{git_host}/{name}.git")
    size = sum(file.stat().st_size for one in copies(folder) for file in one.rglob("*") if file.is_file())
    for age, name in enumerate(("b", "c", "a")):
        path = clones.Clones(folder, 1).entry(Wanted(Remote(f"{git_host}/{name}.git"), None, 1))
        os.utime(path, (1000 - age, 1000 - age))
    monkeypatch.setattr(clones, "limit_bytes", lambda: size * 3 // 4)

    scan(f"{git_host}/c.git")

    kept = {clones.Clones(folder, 1).entry(Wanted(Remote(f"{git_host}/{name}.git"), None, 1)) for name in ("b", "c")}
    assert set(copies(folder)) == kept


def test_a_copy_in_use_is_not_deleted_however_large(repo, git_host, folder, scan, monkeypatch):
    monkeypatch.setattr(clones, "limit_bytes", lambda: 1)

    with cloned(Wanted(Remote(f"{git_host}/repo/.git"), None, 1), lambda *_: None) as (repository, commit):
        scan(f"{git_host}/repo/.git")
        assert len(repository.entries(commit)) == len(GOOD_RECORD)
        assert len(copies(folder)) == 1

    assert copies(folder) == []


def test_a_limit_of_nothing_keeps_nothing(repo, git_host, folder, scan, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "0")

    assert scan(f"{git_host}/repo/.git").outcome == scan(repo.path).outcome
    assert not folder.exists()


def test_a_limit_that_is_no_number_is_told(scan, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "plenty")

    with pytest.raises(ScannerError, match=f"{LIMIT_VARIABLE} is 'plenty'"):
        scan("https://example.invalid/x")


def test_without_a_folder_for_copies_a_scan_has_one_of_its_own(repo, git_host, scan, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCANWATCH_CACHE", str(tmp_path / "file"))

    assert scan(f"{git_host}/repo/.git").outcome == scan(repo.path).outcome


def test_a_broken_copy_that_others_read_is_left_to_them(repo, git_host, folder, scan):
    wanted = Wanted(Remote(f"{git_host}/repo/.git"), None, 1)
    with cloned(wanted, lambda *_: None) as (theirs, commit), cloned(wanted, lambda *_: None, anew=True) as (own, _):
        assert own.entries(commit) == theirs.entries(commit)
        assert len(copies(folder)) == 1
    assert list(folder.rglob("users/*")) == []


def test_many_scans_of_one_remote_at_once_share_one_copy(repo, git_host, folder, scan):
    commits = {f"v{number}": repo.commit({"src/more.py": str(number)}) for number in range(4)}
    for name, commit in commits.items():
        repo.git("tag", name, commit)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: scan(f"{git_host}/repo/.git", ref=name).outcome.commit, [*commits] * 2))

    assert found == [*commits.values()] * 2
    assert len(copies(folder)) == 1
    assert leftovers(folder) == []


def test_who_waits_for_another_is_told_so(repo, git_host, folder, scan):
    folder.mkdir(parents=True)
    cache = clones.Clones(folder, 1)
    lock = cache._lock(cache.entry(Wanted(Remote(f"{git_host}/repo/.git"), None, 1)))
    lock.acquire()
    threading.Timer(0.05, lambda: lock.release(force=True)).start()

    assert said(scan(f"{git_host}/repo/.git"))[:2] == ["Waiting", "Cloning"]


@pytest.mark.parametrize("how", ["cancelled", "killed"])
@pytest.mark.parametrize("before", ["nothing", "a copy"])
async def test_a_fetch_that_is_ended_in_the_middle_leaves_nothing_half_done(
    repo, git_host, slow_git_host, folder, scan, how, before
):
    url, stall = slow_git_host
    target = f"{url}/repo/.git"
    if before == "a copy":
        scan(target)
    repo.commit(LARGE)
    others = psutil.Process().children(recursive=True)
    attempt = asyncio.create_task(run_attempt(RepositoryScanner, Task("scan-1", target), lambda *_: None))
    assert await asyncio.to_thread(stall.reached.wait, 30)
    running = [process for process in psutil.Process().children(recursive=True) if process not in others]
    assert any("fetch" in process.cmdline() for process in running)

    if how == "killed":
        for process in running:
            process.send_signal(signal.SIGKILL)
        with pytest.raises(ScannerError, match="without an answer"):
            await attempt
    else:
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert leftovers(folder) == []
        assert len(copies(folder)) == (before == "a copy")
    _, alive = psutil.wait_procs(running, timeout=2)

    assert alive == []
    stall.opened.set()
    assert scan(target).outcome == scan(repo.path).outcome
    assert leftovers(folder) == []
