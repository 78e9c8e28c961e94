"""Any repository git can hold is read: at any ref, in any folder, in every form it comes in.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import hashlib

import pytest

from scanwatch.errors import ScannerError
from tests.scanners.repository.conftest import GOOD_RECORD, Repo
from tests.scanners.repository.signing import in_record, package

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n"


def in_folder(folder: str, record: dict[str, str] | None = None) -> dict[str, str]:
    return {f"{folder}/{name}": contents for name, contents in (record or GOOD_RECORD).items()}


def test_a_folder_is_scanned_as_if_it_were_all_there_is(repo, empty_repo, scan):
    whole = scan(repo.path).outcome
    repo.commit({**in_folder("services/pay"), "services/other/a.py": "# @gxp-req REQ-404\n"})

    part = scan(repo.path, path="services/pay").outcome

    assert part.findings == whole.findings == ()
    assert part.artifacts == whole.artifacts
    assert part.files == whole.files


@pytest.mark.parametrize("said", ["services/pay/", "./services//pay", "services/pay/."])
def test_a_folder_may_be_written_loosely(repo, scan, said):
    repo.commit(in_folder("services/pay"))

    assert scan(repo.path, path=said).outcome == scan(repo.path, path="services/pay").outcome


@pytest.mark.parametrize("whole", ["", ".", "./"])
def test_no_folder_at_all_is_the_whole_repository(repo, scan, whole):
    assert scan(repo.path, path=whole).outcome == scan(repo.path).outcome


@pytest.mark.parametrize("said", ["..", "a/../b", "/etc", "a\\b", "a\nb", 7, "x" * 1001, "\u202ea"])
def test_a_path_that_is_no_folder_of_a_repository_is_refused(repo, scan, said):
    with pytest.raises(ScannerError, match="is no folder of a repository") as raised:
        scan(repo.path, path=said)
    assert (raised.value.code, raised.value.retryable) == ("invalid", False)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("said", ["missing", "src/card.py", "link", "module"])
def test_a_folder_that_is_not_in_the_commit_is_told(repo, scan, said):
    (repo.path / "link").symlink_to("src")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    repo.git("add", "link")
    repo.git("commit", "--quiet", "--message", "Links")

    with pytest.raises(ScannerError, match=f"no folder '{said}' at commit") as raised:
        scan(repo.path, path=said)
    assert (raised.value.code, raised.value.retryable) == ("not_found", False)


def test_where_only_folders_have_a_record_they_are_named(empty_repo, scan):
    empty_repo.commit({**in_folder("services/pay"), **in_folder("b")})

    with pytest.raises(ScannerError, match="path='b', path='services/pay'"):
        scan(empty_repo.path)
    with pytest.raises(ScannerError, match=r"no \.gxp directory at folder 'services' .* path='pay'"):
        scan(empty_repo.path, path="services")


def test_each_folder_has_a_memory_of_its_own(repo, scan):
    repo.commit(in_folder("pay"))
    for _ in range(2):
        told = [scan(repo.path, **options).reports[-1].message for options in ({}, {"path": "pay"})]

    assert ["0 changed" in one and "0 removed" in one for one in told] == [True, True]


def test_the_state_of_the_sources_is_that_of_the_folder(repo, scan):
    repo.commit(in_folder("pay"))
    commit = repo.git("rev-parse", "HEAD")
    state = hashlib.sha256(b"card.py" + b"CARD = 1\n").hexdigest()
    files = in_record(package(git_commit=commit, system_state_hash=state))
    repo.commit(in_folder("pay", files))

    (row,) = [one for one in scan(repo.path, path="pay").outcome.evidence if one.kind == "evidence_package"]

    assert row.state_hash_form == "rfc"


@pytest.mark.parametrize(
    ("said", "meant"), [("subfolder", "path"), ("branch", "ref"), ("commit", "ref"), ("dept", "depth")]
)
def test_an_option_under_another_name_is_told_its_own(repo, scan, said, meant):
    with pytest.raises(ScannerError, match=f"Did you mean {meant}?"):
        scan(repo.path, **{said: "x"})


@pytest.mark.parametrize("said", [-1, "-1", "all", 1.5, True, "", "9" * 30, "\u0663"])
def test_a_depth_that_is_no_number_of_commits_is_refused(repo, scan, said):
    with pytest.raises(ScannerError, match="is no number of commits"):
        scan(repo.path, depth=said)


def test_a_depth_changes_nothing_on_this_machine(repo, scan):
    assert scan(repo.path, depth=3).outcome == scan(repo.path, depth="0").outcome == scan(repo.path).outcome


def test_a_shallow_repository_is_read_as_far_as_it_goes(repo, scan, tmp_path):
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"src/more.py": ""})
    repo.git("clone", "--quiet", "--depth=1", repo.path.as_uri(), str(tmp_path / "shallow"))

    assert scan(tmp_path / "shallow").outcome == scan(repo.path).outcome
    with pytest.raises(ScannerError, match="no commit called"):
        scan(tmp_path / "shallow", ref=first)


def test_a_detached_head_is_the_commit_it_is_at(repo, scan):
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"src/more.py": ""})
    repo.git("checkout", "--quiet", "--detach", first)

    assert scan(repo.path).outcome.commit == first


def test_a_head_that_names_no_branch_is_told_and_a_ref_helps(repo, scan):
    commit = repo.git("rev-parse", "HEAD")
    repo.git("symbolic-ref", "HEAD", "refs/heads/none")

    with pytest.raises(ScannerError, match="no commit at HEAD"):
        scan(repo.path)
    assert scan(repo.path, ref="main").outcome.commit == commit


@pytest.mark.parametrize("broken", ["", "nonsense\n"])
def test_a_head_that_cannot_be_read_is_told(repo, scan, broken):
    (repo.path / ".git/HEAD").write_text(broken)

    with pytest.raises(ScannerError, match="is not a git repository"):
        scan(repo.path)


def test_a_ref_of_something_else_than_a_commit_is_told(repo, scan):
    for what in ("HEAD:src", "HEAD:src/card.py"):
        repo.git("tag", what.replace(":", "-").replace("/", "-"), repo.git("rev-parse", what))
    for tag in ("HEAD-src", "HEAD-src-card.py"):
        with pytest.raises(ScannerError, match=f"no commit called '{tag}'"):
            scan(repo.path, ref=tag)


def test_the_newer_object_format_is_read_too(tmp_path, scan):
    newer = Repo(tmp_path / "newer")
    newer.path.mkdir()
    newer.git("init", "--quiet", "--object-format=sha256")
    commit = newer.commit(GOOD_RECORD)

    outcome = scan(newer.path).outcome
    assert (outcome.commit, len(commit), outcome.findings) == (commit, 64, ())


def test_submodules_are_noted_wherever_they_are(repo, scan):
    head = repo.git("rev-parse", "HEAD")
    for place in ("lib/one", "two"):
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},{place}")
    repo.git("commit", "--quiet", "--message", "Modules")

    (noted,) = scan(repo.path).outcome.findings

    assert (noted.rule, noted.level) == ("source-submodule", "info")
    assert "2 files are of another repository" in noted.message
    assert "lib/one, two" in noted.message


def test_documents_and_signatures_in_large_file_storage_are_told_so(repo, scan):
    pointer = POINTER.format("0" * 64)
    repo.commit({".gxp/requirements/REQ-001-pay.md": pointer, ".gxp/evidence/EV-SPEC-001-001.jws": pointer})

    scanned = scan(repo.path)

    assert scanned.rules == {"file-elsewhere"}
    assert len(scanned.findings("file-elsewhere")) == 2
    assert [row.signature for row in scanned.outcome.evidence] == ["unverifiable"]


def test_a_file_of_a_package_may_be_in_large_file_storage(repo, scan):
    files = in_record(package())
    (file,) = [name for name in files if name.endswith("artifacts/coverage-report.json")]
    contents = files[file]
    digest = hashlib.sha256(contents if isinstance(contents, bytes) else contents.encode()).hexdigest()
    repo.commit({**files, file: POINTER.format(digest)})
    assert scan(repo.path).findings("package-tampered") == []

    repo.commit({file: POINTER.format("0" * 64)})
    assert [one.file for one in scan(repo.path).findings("package-tampered")] == [file]
