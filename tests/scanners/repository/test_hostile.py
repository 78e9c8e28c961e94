"""Targets that cannot be scanned fail with a sentence, and nothing in a hostile repository is run.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.model import Phase, Progress
from scanwatch.scanners import Task
from scanwatch.scanners.repository import RepositoryScanner
from scanwatch.scanners.repository.evidence.keys import WrongKey, read_keys
from scanwatch.scanners.repository.evidence.packages import read_object
from scanwatch.scanners.repository.evidence.testing import FIELDS, MalformedRecord, read_record
from scanwatch.scanners.repository.git import GitRepository
from scanwatch.scanners.repository.risklog import read_risk_log
from scanwatch.scanners.repository.target import Local, Remote, parse_target
from tests.scanners.repository.signing import PACKAGE, in_record, package, sha256, signed


@pytest.mark.parametrize(
    "target",
    [
        "",
        "-u/tmp/x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "fd::17",
        "relative/path",
        "git://example.org/x",
        "ftp://example.org/x",
        "https://",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=x/y",
        "ssh://-u@host/y",
        "git@-oProxyCommand=x:y",
        "https://host:port/x",
        "https://[::1/x",
        "file://other-host/x",
        "/tmp/a\nb",
        "/tmp/a\0b",
        "file:///tmp/a%00b",
        "https://example.org/x#main",
    ],
)
def test_a_doubtful_target_is_refused(target):
    with pytest.raises(ScannerError, match="Use an absolute path") as raised:
        parse_target(target)
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)


def test_targets_name_a_path_or_a_remote():
    assert parse_target("/srv/a b") == Local(Path("/srv/a b"))
    assert parse_target("file:///srv/a%20b") == Local(Path("/srv/a b"))
    assert parse_target("https://example.org/a.git") == Remote("https://example.org/a.git")
    assert parse_target("ssh://git@example.org:22/a.git") == Remote("ssh://git@example.org:22/a.git")
    assert parse_target("git@example.org:a.git") == Remote("git@example.org:a.git")


@given(st.text(max_size=40) | st.from_regex(r"(https|ssh|file)://[ -~]{0,30}", fullmatch=True))
def test_any_text_is_a_target_or_is_refused(target):
    try:
        parsed = parse_target(target)
    except ScannerError as error:
        assert str(error).isprintable()
    else:
        assert isinstance(parsed, Local | Remote)


@example("git:{}@host:x", "@")
@given(
    st.sampled_from(["https://reader:{}@host/x", "http://{}@host/x", "ssh://git:{}@host/x", "git:{}@host:x"]),
    st.from_regex(r"[A-Za-z0-9@:]{1,10}", fullmatch=True),
)
def test_a_secret_in_a_target_is_refused_and_not_repeated(form, password):
    secret = f"7{password}7"

    with pytest.raises(ScannerError, match="credential helper") as raised:
        parse_target(form.format(secret))
    assert secret not in str(raised.value)


@pytest.mark.parametrize(
    "target", ["https://reader:s3cret@host:port/x", "https://reader:s3c/ret@host/x", "ftp://s3cret@h/"]
)
def test_credentials_are_in_no_refusal(target):
    with pytest.raises(ScannerError) as raised:
        parse_target(target)
    assert "s3c" not in str(raised.value)


def test_a_path_that_is_not_there_is_not_found(scan, tmp_path):
    with pytest.raises(ScannerError, match="does not exist") as raised:
        scan(tmp_path / "gone")
    assert (raised.value.code, raised.value.retryable) == ("not_found", False)


def test_what_is_no_repository_is_told_so(scan, tmp_path):
    file = tmp_path / "file"
    file.touch()
    for target, words in ((tmp_path, "is not a git repository"), (file, "is a file")):
        with pytest.raises(ScannerError, match=words) as raised:
            scan(target)
        assert (raised.value.code, raised.value.retryable) == ("invalid", False)


def test_a_folder_of_a_repository_is_refused_and_the_repository_named(repo, scan):
    with pytest.raises(ScannerError, match=f"inside the repository {repo.path}"):
        scan(repo.path / "src")


def test_a_repository_without_a_commit_is_told_so(empty_repo, scan):
    with pytest.raises(ScannerError, match="no commit at HEAD") as raised:
        scan(empty_repo.path)
    assert raised.value.code == "invalid"


def test_a_damaged_repository_is_told_so(repo, scan):
    blob = repo.git("rev-parse", "HEAD:.gxp/system_context.md")
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(ScannerError, match="lacks objects") as raised:
        scan(repo.path)
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)


@pytest.mark.parametrize("doing", ["ls-tree", "cat-file"])
def test_a_git_that_is_killed_is_no_damage_of_the_repository(repo, monkeypatch, doing):
    repo.commit({f"src/{number}.py": f"# {number}\n" * 4000 for number in range(50)})
    real, started = subprocess.Popen, []

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        process = real(command, **options)
        if doing == "ls-tree" and doing in command:
            process.kill()
        started.append(process)
        return process

    def kill(progress: Progress) -> None:
        if progress.phase is Phase.PARSE and progress.current_file and progress.current_file.startswith("src/"):
            started[-1].kill()

    monkeypatch.setattr("scanwatch.scanners.repository.git_command.subprocess.Popen", start)
    with pytest.raises(ScannerError, match=r"ended from outside \(SIGKILL\)") as raised:
        RepositoryScanner().scan(Task("1", str(repo.path)), kill)
    assert raised.value.retryable
    assert all(process.returncode is not None for process in started)


def test_nothing_that_a_repository_configures_is_run(repo, scan, tmp_path):
    mark = tmp_path / "ran"
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\ntouch {mark}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    blob = repo.git("rev-parse", "HEAD:.gxp/system_context.md")
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{command} x",
        "remote.origin.uploadpack": str(command),
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "core.fsmonitor": str(command),
        "core.sshCommand": str(command),
        "core.pager": str(command),
        "core.hooksPath": str(tmp_path),
        "alias.ls-tree": f"!{command}",
    }.items():
        repo.git("config", name, value)
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(ScannerError, match="lacks objects"):
        scan(repo.path)
    assert not mark.exists()


def test_a_replacement_object_does_not_change_what_a_commit_holds(repo, scan):
    first = repo.git("rev-parse", "HEAD")
    before = scan(repo.path).outcome
    other = repo.commit({".gxp/requirements/REQ-002-refund.md": "---\ngxp_id: REQ-002\n---\n"})
    repo.git("replace", first, other)

    assert scan(repo.path, ref=first).outcome == before


def test_a_repository_of_another_user_is_read(repo, scan, tmp_path, monkeypatch):
    real = shutil.which("git")
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")

    assert scan(repo.path).outcome.files == 8


def test_the_environment_of_a_hook_does_not_lead_elsewhere(repo, scan, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere/objects"))

    assert scan(repo.path).outcome.files == 8


def test_a_machine_without_git_is_told_so(repo, scan, monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ScannerError, match="Install git") as raised:
        scan(repo.path)
    assert not raised.value.retryable


def test_a_scan_does_not_change_the_repository(repo, scan):
    def state() -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in repo.path.rglob("*") if file.is_file()}

    before = state()
    scan(repo.path)

    assert state() == before


def test_hostile_names_and_contents_give_findings_that_can_be_shown(repo, scan):
    repo.commit(
        {
            ".gxp/requirements/REQ-\x1b[31m\n.md": "---\ngxp_id: 'REQ\u202e-001'\ntitle: \"\\ud800\\x1b[0m\"\n---\n",
            ".gxp/specs/SPEC-001-009-x.md": b"\x00\xff" * 500,
        }
    )

    outcome = scan(repo.path).outcome

    assert {"file-name-unclear", "text-encoding"} <= {finding.rule for finding in outcome.findings}
    shown = [str(text) for row in (*outcome.artifacts, *outcome.findings) for text in (row.artifact_id, row.file)]
    shown += [str(artifact.title) for artifact in outcome.artifacts] + [finding.message for finding in outcome.findings]
    assert all(text.isprintable() for text in shown)


def test_cyclic_parents_linked_folders_and_deep_nesting_give_findings_and_an_end(repo, scan):
    story = "---\ngxp_id: {}\ntitle: x\nparent_id: {}\nacceptance_criteria: [x]\n---\n"
    deep = "/".join(["d"] * 300)
    repo.commit(
        {
            ".gxp/user_stories/US-002-001-a.md": story.format("US-002-001", "US-002-002"),
            ".gxp/user_stories/US-002-002-b.md": story.format("US-002-002", "US-002-001"),
            f".gxp/{deep}/REQ-009-deep.md": "---\n" + "a: {" * 5000 + "\n---\n",
            f"src/{deep}/a.py": "# @gxp-req REQ-001\n" + "(" * 5000,
        }
    )
    (repo.path / "src/loop").symlink_to("..")
    (repo.path / ".gxp/loop").symlink_to(".")
    repo.commit()

    scanned = scan(repo.path)

    assert {"parent-level", "front-matter-invalid", "file-not-regular"} <= scanned.rules
    assert [one.artifact_id for one in scanned.outcome.annotations] == ["REQ-001"]


@pytest.mark.parametrize("hidden", ["a b\t.txt", "a\tb.txt", "a\nb.txt", "a b.txt\x1b", "a b\u202e.txt", "\udcff"])
def test_no_file_of_a_package_hides_behind_another_by_its_name(repo, scan, hidden):
    """What a listed file's name looks like once hidden characters are gone is no name of a file that was added."""
    files = {**package(), "a b.txt": "listed"}
    manifest = json.loads(files["manifest.json"])
    manifest["files"].append({"path": "a b.txt", "sha256": sha256("listed"), "size_bytes": 6})
    signed_again = {"manifest.json": json.dumps(manifest), "manifest.jws": signed(manifest)}
    repo.commit(in_record({**files, **signed_again}))
    assert scan(repo.path).outcome.findings == ()

    folder = repo.path / f".gxp/evidence/packages/{PACKAGE}"
    (folder / hidden).write_text("added")
    repo.commit()

    assert len(scan(repo.path).findings("package-unlisted")) == 1


@pytest.mark.parametrize("what", ["symbolic link", "submodule", "file"])
def test_a_record_that_is_no_folder_is_told_so(empty_repo, good_record, scan, what):
    empty_repo.commit({"elsewhere/x.md": "x"})
    if what == "symbolic link":
        (empty_repo.path / ".gxp").symlink_to("elsewhere")
    elif what == "file":
        empty_repo.write({".gxp": "x"})
    empty_repo.git("add", "--all")
    if what == "submodule":
        empty_repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},.gxp")
    empty_repo.git("commit", "--quiet", "--message", "No folder")

    with pytest.raises(ScannerError, match=rf"its \.gxp is a {what}, which is not followed"):
        scan(empty_repo.path)


@given(st.text(max_size=200) | st.text("RISK-01#[]|:- \n", max_size=200))
def test_any_text_is_a_risk_log(text):
    entries, findings = read_risk_log(text, "x")

    last = text.count("\n") + 1
    assert all(1 <= one.line <= last for one in (*entries, *findings))


@given(st.text(max_size=200) | st.text('{}[]":,dkty-BEGIN ', max_size=200))
def test_any_text_is_keys_or_is_refused(text):
    try:
        assert read_keys(text)
    except WrongKey as error:
        assert str(error)


@given(st.binary(max_size=200) | st.text('{}[]":,filespath', max_size=200).map(str.encode))
def test_any_bytes_are_an_object_a_record_of_testing_or_neither(raw):
    assert isinstance(read_object(raw), dict | None)
    try:
        assert set(read_record(b"---\n" + raw + b"\n---\n", "x")) <= set(FIELDS)
    except MalformedRecord as error:
        assert str(error)


def test_a_path_longer_than_is_shown_is_read_as_what_it_is(repo, scan):
    blob = repo.git("hash-object", "-w", "--stdin", input="# @gxp-req REQ-001\n")
    path = "/".join(["deep"] * 2000) + "/a.py"
    lines = (
        f"commit refs/heads/deep\ncommitter T <t@e> 1 +0000\ndata 1\nx\nfrom refs/heads/main\nM 100644 {blob} {path}\n"
    )
    repo.git("fast-import", "--quiet", input=lines)

    (row,) = scan(repo.path, ref="deep").outcome.annotations

    assert row.file.startswith("deep/deep/")
    assert row.file.endswith("/deep/a.py")
    assert len(row.file) < 2100


def test_a_blob_that_is_larger_than_memory_should_hold_is_not_read(repo, scan, monkeypatch):
    repo.commit({"src/huge.py": b"# @gxp-req REQ-001\n" + b"x" * (2 * 1024 * 1024)})
    huge = repo.git("rev-parse", "HEAD:src/huge.py")
    real = GitRepository.blobs

    def blobs(self, oids):
        assert huge not in oids
        return real(self, oids)

    monkeypatch.setattr(GitRepository, "blobs", blobs)

    assert [finding.file for finding in scan(repo.path).findings("source-too-large")] == ["src/huge.py"]
