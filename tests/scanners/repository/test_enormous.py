"""Repositories without measure cost a scan neither its memory nor its end.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanwatch.errors import ScannerError
from scanwatch.scanners.repository import git
from tests.scanners.repository.conftest import GOOD_RECORD, Repo
from tests.scanners.repository.signing import in_record, package

GIGABYTE = 1024**3
BLOB = 2 * GIGABYTE + 1
FILES = 1_000_000

SCAN = r"""
import json, re, resource, sys
from pathlib import Path
from scanwatch.scanners import Task
from scanwatch.scanners.repository import RepositoryScanner
outcome = RepositoryScanner().scan(Task("1", sys.argv[1]), lambda _: None)
# Its own and nobody else's: ru_maxrss of a process begins with the peak of the one that started it.
peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
said = {
    "files": outcome.files,
    "annotations": len(outcome.annotations),
    "found": [[one.rule, one.file] for one in outcome.findings],
    "peak": int(peak[1]) * 1024,
    "peak_of_git": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
}
print(json.dumps(said))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def scanned(repo: Repo) -> dict[str, Any]:
    """What a scan in a process of its own says, and the memory that it and its git took at most."""
    answer = subprocess.run([sys.executable, "-c", SCAN, str(repo.path)], capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def test_the_memory_of_whoever_started_it_is_not_counted(repo):
    before = scanned(repo)["peak"]
    large = b"x" * 400_000_000

    after = scanned(repo)["peak"]

    assert abs(after - before) < len(large) // 4


def test_blobs_of_two_gigabytes_are_told_and_not_read(repo, tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(BLOB)
    smaller = ("-c", "core.compression=1", "-c", "core.bigFileThreshold=1m")
    blob = repo.git(*smaller, "hash-object", "-w", str(tmp_path / "huge"))
    repo.write(in_record(package()))
    repo.git("add", "--all", "--force")
    packaged = next(iter(in_record({"screenshots/huge.png": ""})))
    for place in ("src/huge.py", ".gxp/specs/SPEC-001-002-huge.md", ".gxp/evidence/EV-SPEC-001-002.jws", packaged):
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{place}")
    repo.git("commit", "--quiet", "--message", "Huge")

    said = scanned(repo)

    assert ["source-too-large", "src/huge.py"] in said["found"]
    assert ["file-too-large", ".gxp/specs/SPEC-001-002-huge.md"] in said["found"]
    assert ["evidence-malformed", ".gxp/evidence/EV-SPEC-001-002.jws"] in said["found"]
    assert ["package-unlisted", packaged] in said["found"]
    assert max(said["peak"], said["peak_of_git"]) < 300_000_000


def commands(files: int) -> Iterator[bytes]:
    """A repository of many tiny files, as git fast-import takes it: one in a thousand has a tag."""
    contents = [f"A = {number}\n".encode() for number in range(999)] + [b"# @gxp-req REQ-001\n"]
    for mark, blob in enumerate(contents, start=1):
        yield b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(blob), blob)
    yield b"commit refs/heads/many\ncommitter T <t@example.org> 1767323045 +0000\ndata 4\nMany\n"
    for name, text in GOOD_RECORD.items():
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(text.encode()), text.encode())
    for number in range(files - len(GOOD_RECORD)):
        yield b"M 100644 :%d m/%d/%d.py\n" % (number % 1000 + 1, number // 1000, number % 1000)


def grown(repo: Repo, files: int) -> None:
    with subprocess.Popen(["git", "-C", str(repo.path), "fast-import", "--quiet"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.writelines(commands(files))
    assert process.returncode == 0
    repo.git("symbolic-ref", "HEAD", "refs/heads/many")


def test_a_million_tiny_files_are_scanned(empty_repo: Repo) -> None:
    grown(empty_repo, FILES)

    said = scanned(empty_repo)

    not_sources = 3  # the read-me, and evidence that is no document
    assert said["files"] == FILES - not_sources + 1
    assert said["annotations"] == (FILES - len(GOOD_RECORD)) // 1000
    assert said["found"] == []
    assert max(said["peak"], said["peak_of_git"]) < 1_500_000_000


def test_more_files_than_that_are_refused_in_words(empty_repo, scan, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(git, "MAX_FILES", 1000)
    grown(empty_repo, 1001)

    with pytest.raises(ScannerError, match="has more than 1000 files"):
        scan(empty_repo.path)
