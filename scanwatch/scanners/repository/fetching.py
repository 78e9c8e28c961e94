"""Fetching one commit of a repository elsewhere into a bare one here.

Credentials are git's own affair: its credential helpers and SSH agent give them, nobody is asked, and none is in what
is said of a failure.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from ...errors import ScannerError
from ...model import FailureCode
from .git import GitRepository, no_commit
from .git_command import last_line, run_git, run_git_aloud
from .target import Remote

FETCH_TIMEOUT_S = 900.0

_QUIETLY = (
    *("-c", "fetch.unpackLimit=1"),  # a pack for each fetch: few files, each there as a whole or not at all
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "fetch.writeCommitGraph=false"),
)
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_HEAD = "refs/scanwatch/head"
_THEIR_HEAD = f"+HEAD:{_HEAD}"
_ALL_HISTORY = "--depth=2147483647"
"""What git itself means by it."""
_NEEDS_HISTORY = re.compile(r"[0-9a-f]{4,64}|.*[~@].*")
"""Refs that a host may not know by this name: a commit's id, and the ancestor of something. Hosts refuse them in many
words."""

_NO_SHALLOW = "does not support shallow"
_OTHER_HASH = "mismatched algorithms"
_NO_REF = ("couldn't find remote ref", "not our ref", "unadvertised object", "invalid refspec", "no such ref")
_NO_ROOM = ("no space left on device", "disk quota exceeded")
_FAILURES: tuple[tuple[tuple[str, ...], FailureCode, bool, str], ...] = (
    (
        _NO_ROOM,
        FailureCode.INTERNAL,
        True,
        "Make room on the worker's disk: SCANWATCH_CACHE says where copies are, SCANWATCH_CLONES_MB their limit",
    ),
    (("error: 429", "too many requests"), FailureCode.RATE_LIMITED, True, "The host limits requests; try again later"),
    (
        ("host key verification failed",),
        FailureCode.INVALID,
        False,
        "Add the host's key to the known hosts of SSH on the worker's machine",
    ),
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
_STEPS = {
    "counting objects": (0.0, 0.05),
    "compressing objects": (0.05, 0.1),
    "receiving objects": (0.1, 0.8),
    "resolving deltas": (0.8, 0.95),
}
"""The part of a fetch that each of git's steps is."""
_FETCH_FAILED = (FailureCode.INTERNAL, True, "Check the URL and the network, then try again")


@dataclass(frozen=True, slots=True)
class _Fetch:
    """Where from, where to, and who hears how far git is."""

    remote: Remote
    into: Path
    hear: Callable[[str, int], None]


def share_fetched(step: str, percent: int) -> float | None:
    """How much of a fetch is done at ``percent`` of a step; the transfer takes most of it."""
    if step not in _STEPS:
        return None
    start, end = _STEPS[step]
    return start + (end - start) * percent / 100


def fetch_commit(remote: Remote, into: Path, ref: str | None, depth: int, hear: Callable[[str, int], None]) -> str:
    """Fetch what ``ref`` names (``None``: HEAD) into ``into``, which is made if it is not there; the commit's id.

    ``depth`` is the number of commits that come with it, 0 for all. A ref that a host does not know by its name is
    looked for in everything it has. ``hear`` is told the step that git says it is at, and percent of it.

    Raises:
        ScannerError: git could not fetch it, or there is no such commit; credentials are never in the message.
    """
    if new := not into.exists():
        _init(into)
    fetch = _Fetch(remote, into, hear)
    name = f"refs/scanwatch/{hashlib.sha256((ref or 'HEAD').encode()).hexdigest()[:16]}"
    answer = _fetch(fetch, depth, f"+{ref or 'HEAD'}:{name}")
    if new and _says(answer, _OTHER_HASH):
        shutil.rmtree(into)
        _init(into, "--object-format=sha256")
        answer = _fetch(fetch, depth, f"+{ref or 'HEAD'}:{name}")
    if answer.returncode != 0 and ref is not None and _NEEDS_HISTORY.fullmatch(ref):
        head = (_THEIR_HEAD,) if ref.startswith(("HEAD", "@")) else ()
        name, answer = ref, _fetch(fetch, 0, *_EVERYTHING, *head)
    if answer.returncode != 0:
        raise _failure(remote, ref, answer)
    try:
        return GitRepository(str(into), remote.shown).commit(name)
    except ScannerError:
        raise no_commit(remote.shown, ref) from None  # by the name that was asked for


def _init(into: Path, *how: str) -> None:
    _done(run_git("-c", "init.defaultBranch=main", "init", "--quiet", "--bare", "--template=", *how, "--", str(into)))
    _done(run_git("--git-dir", str(into), "symbolic-ref", "HEAD", _HEAD))


def _fetch(fetch: _Fetch, depth: int, *refspecs: str) -> CompletedProcess[bytes]:
    prune = ("--prune",) if len(refspecs) > 1 else ()  # what is gone there is gone here; of one ref it would be that
    answer = _ask(fetch, *prune, *_as_deep(depth, fetch.into), "--", fetch.remote.url, *refspecs)
    if _says(answer, _NO_SHALLOW):
        answer = _ask(fetch, *prune, "--", fetch.remote.url, *refspecs)
    return answer


def _ask(fetch: _Fetch, *arguments: str) -> CompletedProcess[bytes]:
    return run_git_aloud(
        *("--git-dir", str(fetch.into), *_QUIETLY, "fetch", "--progress", "--no-tags", "--no-write-fetch-head"),
        *("--no-recurse-submodules", "--update-head-ok", *arguments),
        environment={"GIT_ALLOW_PROTOCOL": "https:http:ssh"},
        timeout_s=FETCH_TIMEOUT_S,
        hear=fetch.hear,
    )


def _as_deep(depth: int, into: Path) -> tuple[str, ...]:
    if depth:
        return (f"--depth={depth}",)
    return (_ALL_HISTORY,) if (into / "shallow").exists() else ()


def _says(answer: CompletedProcess[bytes], *signs: str) -> bool:
    words = answer.stderr.decode("utf-8", "replace").lower()
    return answer.returncode != 0 and any(sign in words for sign in signs)


def _done(answer: CompletedProcess[bytes]) -> None:
    if answer.returncode != 0:
        raise ScannerError(f"git could not make a repository: {last_line(answer.stderr)}. Check the disk.")


def _failure(remote: Remote, ref: str | None, answer: CompletedProcess[bytes]) -> ScannerError:
    if _says(answer, *_NO_REF):
        return no_commit(remote.shown, ref)
    words = answer.stderr.decode("utf-8", "replace").lower()
    code, retryable, remedy = next(
        ((code, again, remedy) for signs, code, again, remedy in _FAILURES if any(sign in words for sign in signs)),
        _FETCH_FAILED,
    )
    return ScannerError(
        f"{remote.shown} could not be cloned: {_reason(answer.stderr)}. {remedy}.", code=code, retryable=retryable
    )


def _reason(stderr: bytes) -> str:
    """What git said at last; a full disk it says earlier, and then what follows from it."""
    full = [line for line in stderr.splitlines() if any(sign.encode() in line.lower() for sign in _NO_ROOM)]
    return last_line(full[0] if full else stderr)
