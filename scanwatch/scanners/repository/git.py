"""Git as the reader of repositories: commits, trees and blobs, by plumbing that runs nothing a repository names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryFile

import msgspec

from ...errors import ScannerError
from ...model import FailureCode
from .git_command import LAST_WORDS_S, git_process, killed, last_line, run_git
from .text import legible

MAX_FILES = 1_000_000
"""Files in one commit."""


class DamagedRepository(ScannerError):
    """A repository lacks objects that it should have."""


class TreeEntry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One file of a commit: its mode, object and size; ``size_bytes`` is ``None`` for a submodule."""

    mode: str
    oid: str
    size_bytes: int | None
    path: bytes

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository."""
        return self.mode == "160000"

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and neither a link nor a submodule."""
        return self.mode.startswith("100")


class GitRepository:
    """A repository on this disk, read without changing it. ``shown`` is how messages call it.

    ``folder`` is the part of it that is seen, by its path from the top; empty for all.
    """

    def __init__(self, git_dir: str, shown: str, folder: str = "") -> None:
        self._git_dir = git_dir
        self.shown = shown
        self.folder = folder

    def within(self, folder: str) -> GitRepository:
        """The same repository, of which ``folder`` alone is seen, as if it were all there is."""
        return GitRepository(self._git_dir, self.shown, folder)

    def commit(self, ref: str | None) -> str:
        """The id of the commit that ``ref`` names; ``None`` stands for HEAD.

        Raises:
            ScannerError: there is no such commit.
        """
        answer = run_git("--git-dir", self._git_dir, "rev-parse", "--verify", "--quiet", f"{ref or 'HEAD'}^{{commit}}")
        if answer.returncode == 0:
            return answer.stdout.decode("ascii").strip()
        raise no_commit(self.shown, ref)

    def tree(self, commit: str) -> str | None:
        """The id of what ``commit`` has at the folder that is seen, ``None`` if that is nothing."""
        answer = run_git("--git-dir", self._git_dir, "rev-parse", "--verify", "--quiet", f"{commit}:{self.folder}")
        return answer.stdout.decode("ascii").strip() if answer.returncode == 0 else None

    def has_in_history(self, commit: str, earlier: str) -> bool:
        """Whether ``earlier`` is ``commit`` or one that led to it, as far as its history is here."""
        arguments = ("--git-dir", self._git_dir, "merge-base", "--is-ancestor", earlier, commit)
        return run_git(*arguments).returncode == 0

    def entries(self, commit: str) -> list[TreeEntry]:
        """All files of ``commit`` in the folder that is seen, in git's order, by their paths from there.

        Raises:
            ScannerError: it has no such folder, or too many files, or cannot be read.
        """
        tree = f"{commit}:{self.folder}" if self.folder else commit
        answer = run_git("--git-dir", self._git_dir, "ls-tree", "-r", "-z", "--long", "--full-tree", tree)
        if answer.returncode != 0:
            if self.folder and self._is_whole(commit):
                raise self._no_folder(commit)
            raise self._damaged(last_line(answer.stderr))
        lines = answer.stdout.split(b"\0")[:-1]
        if len(lines) > MAX_FILES:
            raise ScannerError(
                f"{self.shown} has more than {MAX_FILES} files at {commit[:12]}; this scanner takes no larger one.",
                code=FailureCode.INVALID,
                retryable=False,
            )
        return [_entry(line) for line in lines]

    @contextmanager
    def blobs(self, oids: Sequence[str]) -> Iterator[Iterator[bytes]]:
        """The contents of many blobs, in the order asked for, one in memory at a time; git has ended on leaving.

        Reading on raises ``ScannerError`` where an object is missing or is no blob.
        """
        with TemporaryFile() as questions:
            # From a file: git reads ahead by itself, and neither side waits for the other's next line.
            questions.writelines(oid.encode("ascii") + b"\n" for oid in oids)
            questions.seek(0)
            arguments = ("--git-dir", self._git_dir, "cat-file", "--batch", "--buffer")
            with git_process(*arguments, stdin=questions.fileno()) as process:
                yield map(partial(self._read, process), oids)

    def _read(self, process: Popen[bytes], oid: str) -> bytes:
        assert process.stdout is not None
        header = process.stdout.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise self._cut_off(process, f"{oid} is missing or is no blob")
        size = int(header[2])
        contents = process.stdout.read(size + 1)
        if len(contents) != size + 1:
            raise self._cut_off(process, f"{oid} ends early")
        return contents[:-1]

    def _cut_off(self, process: Popen[bytes], detail: str) -> ScannerError:
        with suppress(TimeoutExpired):
            process.wait(LAST_WORDS_S)
        return killed(process.returncode) if (process.returncode or 0) < 0 else self._damaged(detail)

    def _is_whole(self, commit: str) -> bool:
        """Whether the tree of ``commit`` can be read."""
        return run_git("--git-dir", self._git_dir, "ls-tree", "-z", "--name-only", commit).returncode == 0

    def _no_folder(self, commit: str) -> ScannerError:
        return ScannerError(
            f"{self.shown} has no folder {legible(self.folder, 200)!r} at commit {commit[:12]}. Pass path=... as it is "
            "written there, from the top of the repository.",
            code=FailureCode.NOT_FOUND,
            retryable=False,
        )

    def require_there(self) -> None:
        """Raise ``ScannerError`` if the repository was taken away meanwhile: git may have read on for a while."""
        if not Path(self._git_dir).is_dir():
            raise self._gone()

    def _gone(self) -> ScannerError:
        return ScannerError(
            f"{self.shown} was removed or moved while it was scanned. Scan it where it is now, and leave it there "
            "until the scan has ended.",
            code=FailureCode.NOT_FOUND,
            retryable=False,
        )

    def _damaged(self, detail: str) -> ScannerError:
        if not Path(self._git_dir).is_dir():
            return self._gone()
        return DamagedRepository(
            f"{self.shown} lacks objects of this commit or is damaged: {detail}. Run git fsck there; in a partial "
            "clone, fetch the missing objects.",
            code=FailureCode.INVALID,
            retryable=False,
        )


def no_commit(shown: str, ref: str | None) -> ScannerError:
    """The error for a repository that has no commit called ``ref``; ``None`` stands for HEAD."""
    if ref is None:
        return ScannerError(
            f"{shown} has no commit at HEAD: it is empty, or HEAD names a branch that does not exist. "
            "Commit something, or pass the ref to scan as ref=...",
            code=FailureCode.INVALID,
            retryable=False,
        )
    return ScannerError(
        f"{shown} has no commit called {legible(ref, 100)!r}. Pass a branch, a tag or a full commit id.",
        code=FailureCode.NOT_FOUND,
        retryable=False,
    )


def open_local(path: Path, shown: str) -> GitRepository:
    """The repository whose top is ``path``: a working tree or a bare repository, whoever owns it.

    Raises:
        ScannerError: nothing is there, or no repository, or one that starts further up.
    """
    _check_directory(path, shown)
    # Another's repository is fine: nothing in it is run. The setting holds for this command only.
    answer = run_git(
        *("-c", "safe.directory=*", "-c", "safe.bareRepository=all", "-C", str(path)),
        *("rev-parse", "--absolute-git-dir", "--show-prefix"),
    )
    if answer.returncode != 0:
        raise ScannerError(
            f"{shown} is not a git repository ({last_line(answer.stderr)}). Name the top of a working tree or a bare "
            "repository, or run git init and commit there.",
            code=FailureCode.INVALID,
            retryable=False,
        )
    git_dir, prefix = (os.fsdecode(line) for line in answer.stdout.split(b"\n")[:2])
    if prefix:
        top = path.resolve()
        for _ in Path(prefix).parts:
            top = top.parent
        raise ScannerError(
            f"{shown} is a folder inside the repository {legible(str(top))}. Scan that one, with "
            f"path={legible(prefix.rstrip('/'), 200)!r} for this folder alone.",
            code=FailureCode.INVALID,
            retryable=False,
        )
    return GitRepository(git_dir, shown)


def _check_directory(path: Path, shown: str) -> None:
    try:
        exists, is_directory = path.exists(), path.is_dir()
    except OSError as error:
        raise ScannerError(
            f"{shown} cannot be read: {error.strerror}. Check the path and its permissions.",
            code=FailureCode.INVALID,
            retryable=False,
        ) from None
    if not exists:
        raise ScannerError(
            f"{shown} does not exist. Check the path; the scan runs on the machine of the worker.",
            code=FailureCode.NOT_FOUND,
            retryable=False,
        )
    if not is_directory:
        raise ScannerError(
            f"{shown} is a file, not a directory. Name the top of a repository.",
            code=FailureCode.INVALID,
            retryable=False,
        )


def _entry(line: bytes) -> TreeEntry:
    facts, _, path = line.partition(b"\t")
    mode, _, oid, size = str(facts, "ascii").split()
    return TreeEntry(mode, oid, int(size) if size.isdigit() else None, path)
