"""Git itself as the reader of repositories: commits, trees and blobs, and nothing a repository could run.

A repository's own configuration may name commands (helpers of transports, hooks, file-system monitors). Only plumbing
that asks none of them is used, every transport but the wanted one is forbidden, objects that are not there are never
fetched, and git's environment is built anew, so that a hook's ``GIT_DIR`` cannot lead elsewhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from ..._credentials import without_credentials
from ...errors import ScannerError
from ...model import FailureCode
from .target import Remote
from .text import legible

CLONE_TIMEOUT_S = 900.0
READ_TIMEOUT_S = 120.0
_END_S = 0.3
"""How long git may take to end when asked to; less than the scanner's own process has."""

MAX_FILES = 1_000_000
"""Files in one commit."""

_ALWAYS = (
    "--no-pager",
    *("-c", "core.hooksPath=" + os.devnull),
    *("-c", "core.fsmonitor=false"),
    *("-c", "http.lowSpeedLimit=1000"),
    *("-c", "http.lowSpeedTime=60"),
)
_KEPT = frozenset(
    {
        *("GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"),
    }
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # A replacement ref would show another tree under the commit's id.
    "GIT_NO_REPLACE_OBJECTS": "1",
}

_CLONE_FAILURES: tuple[tuple[tuple[str, ...], FailureCode, bool, str], ...] = (
    (("error: 429", "too many requests"), FailureCode.RATE_LIMITED, True, "The host limits requests; try again later"),
    (
        ("could not read username", "could not read password", "authentication failed", "denied", "error: 403"),
        FailureCode.INVALID,
        False,
        "The host wants credentials it accepts; give them through git's credential helper or an SSH agent",
    ),
    (
        ("not found", "does not exist", "does not appear to be a git repository"),
        FailureCode.NOT_FOUND,
        False,
        "Check the URL, and that these credentials may read it",
    ),
    (("not allowed",), FailureCode.INVALID, False, "Use https, http or ssh"),
    (("timed out", "too slow"), FailureCode.TIMEOUT, True, "Check the network and try again"),
)
_CLONE_FAILED = (FailureCode.INTERNAL, True, "Check the URL and the network, then try again")
_MAX_SAID = 2000
_NO_SHALLOW = "does not support shallow"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a commit: its mode, object and size; ``size_bytes`` is ``None`` for a submodule."""

    mode: str
    oid: str
    size_bytes: int | None
    path: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and neither a link nor a submodule."""
        return self.mode.startswith("100")


class GitRepository:
    """A repository on this disk, read without changing it. ``shown`` is how messages call it."""

    def __init__(self, git_dir: str, shown: str) -> None:
        self._git_dir = git_dir
        self.shown = shown

    def commit(self, ref: str | None) -> str:
        """The id of the commit that ``ref`` names; ``None`` stands for HEAD.

        Raises:
            ScannerError: there is no such commit.
        """
        answer = _git("--git-dir", self._git_dir, "rev-parse", "--verify", "--quiet", f"{ref or 'HEAD'}^{{commit}}")
        if answer.returncode == 0:
            return answer.stdout.decode("ascii").strip()
        if ref is None:
            raise ScannerError(
                f"{self.shown} has no commit at HEAD: it is empty, or HEAD names a branch that does not exist. "
                "Commit something, or pass the ref to scan as ref=...",
                code=FailureCode.INVALID,
                retryable=False,
            )
        raise ScannerError(
            f"{self.shown} has no commit called {legible(ref, 100)!r}. Pass a branch, a tag or a full commit id.",
            code=FailureCode.NOT_FOUND,
            retryable=False,
        )

    def entries(self, commit: str) -> list[TreeEntry]:
        """All files of ``commit``, in git's order."""
        answer = _git("--git-dir", self._git_dir, "ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        if answer.returncode != 0:
            raise self._damaged(_last_line(answer.stderr))
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
            with _process(*arguments, stdin=questions.fileno()) as process:
                assert process.stdout is not None
                yield map(partial(self._read, process.stdout), oids)

    def _read(self, answers: IO[bytes], oid: str) -> bytes:
        header = answers.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise self._damaged(f"{oid} is missing or is no blob")
        size = int(header[2])
        contents = answers.read(size + 1)
        if len(contents) != size + 1:
            raise self._damaged(f"{oid} ends early")
        return contents[:-1]

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
        return ScannerError(
            f"{self.shown} lacks objects of this commit or is damaged: {detail}. Run git fsck there; in a partial "
            "clone, fetch the missing objects.",
            code=FailureCode.INVALID,
            retryable=False,
        )


def open_local(path: Path, shown: str) -> GitRepository:
    """The repository whose top is ``path``: a working tree or a bare repository, whoever owns it.

    Raises:
        ScannerError: nothing is there, or no repository, or one that starts further up.
    """
    _check_directory(path, shown)
    # Another's repository is fine: nothing in it is run. The setting holds for this command only.
    answer = _git(
        *("-c", "safe.directory=*", "-c", "safe.bareRepository=all", "-C", str(path)),
        *("rev-parse", "--absolute-git-dir", "--show-prefix"),
    )
    if answer.returncode != 0:
        raise ScannerError(
            f"{shown} is not a git repository ({_last_line(answer.stderr)}). Name the top of a working tree or a bare "
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
            f"{shown} is a folder inside the repository {legible(str(top))}. Scan that one.",
            code=FailureCode.INVALID,
            retryable=False,
        )
    return GitRepository(git_dir, shown)


def clone(remote: Remote, into: Path, ref: str | None) -> GitRepository:
    """A bare copy of ``remote`` in the new directory ``into``: one commit deep unless a ``ref`` has to be found.

    Raises:
        ScannerError: git could not clone it; credentials are never in the message.
    """
    shallow = ("--depth=1",) if ref is None else ()
    answer = _clone(remote, into, *shallow)
    if shallow and _NO_SHALLOW in answer.stderr.decode("utf-8", "replace"):
        answer = _clone(remote, into)
    if answer.returncode == 0:
        return GitRepository(str(into), remote.shown)
    raise _clone_failure(remote, answer.stderr)


def _clone(remote: Remote, into: Path, *depth: str) -> subprocess.CompletedProcess[bytes]:
    return _git(
        *("clone", "--quiet", "--bare", "--template=", "--no-local", *depth, "--", remote.url, str(into)),
        environment={**remote.environment, "GIT_ALLOW_PROTOCOL": "https:http:ssh"},
        timeout_s=CLONE_TIMEOUT_S,
    )


def _clone_failure(remote: Remote, stderr: bytes) -> ScannerError:
    words = stderr.decode("utf-8", "replace").lower()
    code, retryable, remedy = next(
        (
            (code, again, remedy)
            for signs, code, again, remedy in _CLONE_FAILURES
            if any(sign in words for sign in signs)
        ),
        _CLONE_FAILED,
    )
    return ScannerError(
        f"{remote.shown} could not be cloned: {_last_line(stderr)}. {remedy}.", code=code, retryable=retryable
    )


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
    mode, _, oid, size = facts.decode("ascii").split()
    return TreeEntry(mode, oid, int(size) if size.isdigit() else None, path)


def _git(
    *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = READ_TIMEOUT_S
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end and return what it said."""
    with _process(*arguments, environment=environment) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ScannerError(
                f"git did not finish within {timeout_s:.0f} s. Check the disk and the network and try again.",
                code=FailureCode.TIMEOUT,
            ) from None
        return subprocess.CompletedProcess([], process.returncode, out, err)


@contextmanager
def _process(
    *arguments: str, environment: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A git process that has ended on leaving, however one leaves. Its last words go nowhere unless awaited."""
    try:
        process = subprocess.Popen(
            ["git", *_ALWAYS, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            # A long-lived process (with an input of its own) has nobody to read its complaints and would block on them.
            stderr=subprocess.PIPE if stdin == subprocess.DEVNULL else subprocess.DEVNULL,
            env=_environment(environment or {}),
        )
    except FileNotFoundError:
        raise ScannerError("git is not installed, or not on the worker's PATH. Install git.", retryable=False) from None
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()  # first: git takes its own children and half-made clones with it
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # closing flushes what git no longer took
                pipe.close()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    # No transport at all, unless a clone names some: a repository's own settings cannot make git connect anywhere.
    return {**inherited, **_ENVIRONMENT, "GIT_ALLOW_PROTOCOL": "", **extra}


def _last_line(stderr: bytes) -> str:
    """What git said at last, without its ``fatal:`` and without anybody's credentials."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    said = (fatal or lines or ["git gave no reason"])[-1][:_MAX_SAID]
    return legible(without_credentials(said.removeprefix("fatal:").strip().rstrip(".")), 300)
