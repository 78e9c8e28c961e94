"""A scan that remembers the one before reads only what changed, and finds exactly what a scan of everything finds.

@gxp-spec SPEC-004-006 "Incremental scans"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.model import Phase
from scanwatch.scanners.repository import memory
from scanwatch.scanners.repository.git import GitRepository
from scanwatch.scanners.repository.memory import memory_path
from tests.scanners.repository import conftest
from tests.scanners.repository.conftest import GOOD_RECORD, Repo
from tests.scanners.repository.signing import in_record, package, result, signed

FILES = [
    *(name for name in GOOD_RECORD if name != ".gxp/README.md"),
    *("src/a.py", "src/a.ts", "src/tool", "vendor/b.py", "tests/test_b.py", "c.kt", "data.bin"),
    *(".gxp/specs/SPEC-001-002-more.md", ".gxp/evidence/ROT-SPEC-001-001.md", ".scanwatch.toml", "deep/er/a.sh"),
    *("gxp-product.md", "specs/needs.md", "gxp-execution.json"),
]
CONTENTS = [
    "# @gxp-spec SPEC-001-001\n# @trace US-001-001\n",
    "#!/usr/bin/env python3\n# @gxp-req REQ-001\n",
    "// @gxp-spec SPEC-404\n",
    "nothing\n",
    "\0binary",
    "---\ngxp_id: SPEC-001-002\nparent_id: US-001-001\n---\n",
    "---\nbad: [\n---\n",
    "---\nspec_id: SPEC-001-001\nresult: PASS\nsatisfies: [REQ-001]\n---\n# T\nAs a b, I want c so that d.\n",
    '[rules]\ntitle-missing = "error"\n',
    f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n",
    "# @gxp-id: IMPL-1\n# @gxp-satisfies REQ-001\n",
    '# @gxp-story US-001-001 "S"\n# @gxp-spec SPEC-001-001 "T"\n',
    "---\nproduct_name: P\nproduct_code: P\n---\n## [P-URS-1] T\n---\ntraces: [P-DS-1]\n---\n",
    '{"results": [{"gxp_id": "P-OQ-1", "status": "PASS"}]}',
    signed(result(verification_tier="PQ")),
]
PACKAGE = in_record(package())


@dataclass
class Reads:
    """The blobs read, and whether the next read fails."""

    oids: list[str] = field(default_factory=list)
    fail: bool = False


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return watched(monkeypatch)


def watched(monkeypatch: pytest.MonkeyPatch) -> Reads:
    seen, real = Reads(), GitRepository.blobs

    @contextmanager
    def blobs(self: GitRepository, oids: list[str]) -> Iterator[Iterator[bytes]]:
        seen.oids += oids
        if seen.fail and oids:
            raise ScannerError("The disk failed.")
        with real(self, oids) as contents:
            yield contents

    monkeypatch.setattr(GitRepository, "blobs", blobs)
    return seen


def told(scanned: conftest.Scanned) -> str:
    return (scanned.reports[-1].message or "").partition(";")[0]


def test_a_rescan_of_an_unchanged_repository_reads_no_blob(repo, scan, reads):
    repo.commit({**PACKAGE, "src/a.py": CONTENTS[0], ".scanwatch.toml": "strict = true\n"})
    first = scan(repo.path)
    assert reads.oids
    reads.oids.clear()

    again = scan(repo.path)

    assert reads.oids == []
    assert again.outcome == first.outcome
    assert "0 changed" in told(again)


def test_only_what_changed_is_read_and_the_counts_say_so(repo, scan, reads):
    repo.commit({"src/a.py": CONTENTS[0], "src/b.py": CONTENTS[1]})
    total = len(repo.git("ls-files").splitlines())
    assert told(scan(repo.path)) == f"{total} files: {total} changed, 0 unchanged, 0 removed"
    reads.oids.clear()

    repo.commit({"src/a.py": CONTENTS[0] + "\n", "src/b.py": None, "src/moved.py": CONTENTS[1]})
    scanned = scan(repo.path)

    assert reads.oids == [repo.git("rev-parse", "HEAD:src/a.py")]
    assert told(scanned) == f"{total} files: 2 changed, {total - 2} unchanged, 1 removed"
    assert {one.file for one in scanned.outcome.annotations} == {"src/a.py", "src/moved.py"}


def test_files_that_are_the_same_are_not_even_listed(repo, scan, reads, monkeypatch):
    repo.commit({"src/a.py": CONTENTS[0], "vendor/b.py": CONTENTS[1]})
    scan(repo.path)
    reads.oids.clear()
    repo.commit()
    whole = scan(repo.path, incremental=False).outcome
    reads.oids.clear()
    monkeypatch.delattr(GitRepository, "entries")

    again = scan(repo.path)

    assert (again.outcome, reads.oids) == (whole, [])
    last = [one for one in again.reports if one.phase is Phase.PARSE][-1]
    assert last.files_processed == last.total_files == again.outcome.files


@pytest.mark.parametrize("then", ["src/", "tests/"])
def test_the_same_files_are_judged_anew_if_others_are_left_out(repo, scan, then):
    repo.commit({"src/a.py": CONTENTS[0], "tests/test_b.py": CONTENTS[1]})
    scan(repo.path)

    for options in ({"exclude": "src/"}, {}, {"exclude": then}):
        assert scan(repo.path, **options).outcome == scan(repo.path, **options, incremental=False).outcome


def test_a_scan_that_fails_changes_nothing(repo, scan, reads):
    scan(repo.path)
    before = memory_path(str(repo.path)).read_bytes()
    repo.commit({"src/a.py": CONTENTS[0]})
    reads.fail = True

    with pytest.raises(ScannerError, match="disk failed"):
        scan(repo.path)

    assert memory_path(str(repo.path)).read_bytes() == before
    reads.fail = False
    assert len(scan(repo.path).outcome.annotations) == 2


def test_a_scan_may_be_told_to_read_everything(repo, scan, reads):
    scan(repo.path)
    reads.oids.clear()

    assert scan(repo.path, incremental="no").outcome == scan(repo.path).outcome
    assert len(reads.oids) == 9


@pytest.mark.parametrize("spoil", [b"", b"\xff" * 99, b"\x80"])
def test_a_memory_that_cannot_be_read_counts_as_none(repo, scan, spoil):
    first = scan(repo.path).outcome
    memory_path(str(repo.path)).write_bytes(spoil)

    assert scan(repo.path).outcome == first


def test_another_versions_memory_counts_as_none(repo, scan, reads, monkeypatch):
    scan(repo.path)
    reads.oids.clear()
    monkeypatch.setattr(memory, "_version", lambda: "another")

    scan(repo.path)

    assert reads.oids


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(repo, scan, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCANWATCH_CACHE", str(tmp_path / "file"))

    assert scan(repo.path).outcome == scan(repo.path).outcome


def test_memories_are_kept_within_their_limit_and_leave_no_parts(repo, scan, monkeypatch):
    monkeypatch.setattr(memory, "MAX_FOLDER_BYTES", 1)
    scan(repo.path)

    assert list(memory_path("x").parent.iterdir()) == []


def test_a_secret_of_the_target_is_not_in_the_memorys_name():
    assert "s3cret" not in str(memory_path("https://ada:s3cret@git.example/acme"))


edit = st.lists(
    st.tuples(st.sampled_from(FILES), st.none() | st.sampled_from(CONTENTS) | st.just("move")), min_size=1, max_size=5
)


def edited(repo: Repo, edit: list[tuple[str, str | None]], dice: random.Random) -> None:
    for name, contents in edit:
        file = repo.path / name
        if contents == "move":
            if file.exists():
                file.rename(file.parent / f"{dice.choice('xyz')}{file.name}")
        elif contents is not None:
            repo.write({name: contents})
        elif file.exists():
            file.unlink()
    repo.write({".gxp/README.md": "There is a record.\n"})
    repo.commit()


def files_of(repo: Repo) -> dict[str, str]:
    """The blob of each file at HEAD."""
    lines = repo.git("ls-tree", "-r", "HEAD").splitlines()
    return {line.partition("\t")[2]: line.split()[2] for line in lines}


def counted(before: dict[str, str], now: dict[str, str]) -> str:
    unchanged = sum(before.get(path) == blob for path, blob in now.items())
    removed = len(before.keys() - now.keys())
    return f"{len(now)} files: {len(now) - unchanged} changed, {unchanged} unchanged, {removed} removed"


def holds_for(history: list[list[tuple[str, str | None]]], failures: int) -> None:
    """After each commit, and after scans that failed in between, both ways find the same."""
    dice = random.Random(failures)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANWATCH_CACHE", f"{folder}/cache")
        repo, reads = Repo(Path(folder) / "repo"), watched(patch)
        repo.path.mkdir()
        repo.git("init", "--quiet", "--initial-branch=main")
        repo.commit({**GOOD_RECORD, **PACKAGE})
        before: dict[str, str] = {}
        for edit in history:
            edited(repo, edit, dice)
            if dice.random() < 0.3:
                reads.fail = True
                try:
                    conftest.scan(repo.path)
                except ScannerError as error:
                    assert "disk failed" in str(error)
                else:
                    before = files_of(repo)  # nothing had to be read
                reads.fail = False
            options = {"exclude": "src/"} if dice.random() < 0.3 else {}
            scanned, now = conftest.scan(repo.path, **options), files_of(repo)
            assert scanned.outcome == conftest.scan(repo.path, **options, incremental=False).outcome
            assert told(scanned) == counted(before, now)
            before = now


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(edit, min_size=1, max_size=2), st.integers(0, 99))
def test_an_incremental_scan_finds_what_a_full_one_finds(history, failures):
    holds_for(history, failures)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(edit, min_size=1, max_size=6), st.integers(0, 99))
def test_an_incremental_scan_finds_what_a_full_one_finds_in_many_histories(history, failures):
    holds_for(history, failures)
