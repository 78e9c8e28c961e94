"""Copies of repositories elsewhere, kept on this machine so that the next scan fetches what is new.

::

    clones/<key>/repository.git   one for each URL; the folder's time is that of its last use
    clones/<key>/users/*.lock     each held by a scan that reads it
    clones/<key>.lock             held while it is fetched into, replaced or deleted
    clones/<key>.part  .gone      on its way in, and out: of no use to anybody, deleted by whoever comes next

Locks are the system's: those of a process that was killed are free. What a fetch leaves when it is interrupted is swept
away, at once or by the next one. A copy that cannot be fetched into is made anew, and takes the old one's place once it
is whole. Whoever can have no copy in the cache gets one of his own, which is gone afterwards.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import filelock

from ...errors import ScannerError
from ...model import FailureCode
from .cache import cache_folder
from .fetching import fetch_commit, share_fetched
from .git import GitRepository
from .options import wrong_option
from .target import Remote

LIMIT_VARIABLE = "SCANWATCH_CLONES_MB"
"""The worker's environment may say how much all copies may hold, in megabytes; 0 keeps none."""
DEFAULT_LIMIT_MB = 5_000
MAX_PACKS = 30
"""Fetches into one copy, until it is made anew without what is of no use any more."""

WAIT_S = 1800.0
"""How long to wait for another scan's fetch of the same repository."""

_REPOSITORY, _USERS = "repository.git", "users"
_PART, _GONE = ".part", ".gone"


class Say(Protocol):
    """Whoever is told what is done, and how much of the fetch is."""

    def __call__(self, message: str, share: float | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to have here: the commit that ``ref`` names (``None``: HEAD) and ``depth`` commits in all (0: every one)."""

    remote: Remote
    ref: str | None
    depth: int

    def fetch(self, into: Path, doing: str, say: Say) -> str:
        """Fetch it, telling ``say`` what one is ``doing`` and how far git is; the commit's id."""
        message = f"{doing} {self.remote.shown}"
        say(message)

        def hear(step: str, percent: int) -> None:
            say(f"{message}: {step} {percent} %", share_fetched(step, percent))

        return fetch_commit(self.remote, into, self.ref, self.depth, hear)


@contextmanager
def cloned(wanted: Wanted, say: Say, *, anew: bool = False) -> Iterator[tuple[GitRepository, str]]:
    """A copy with the commit that is wanted, and the commit's id; nobody deletes it until one leaves.

    ``anew`` does not trust the copy in the cache. ``say`` is told what is waited for.

    Raises:
        ScannerError: it cannot be fetched.
    """
    cache = Clones(cache_folder("clones"), limit_bytes())
    user = commit = None
    if cache.limit_bytes and cache.is_usable():
        user, commit = cache.enter(wanted, say, anew=anew)
    if user is None or commit is None:
        with TemporaryDirectory(prefix="scanwatch-", ignore_cleanup_errors=True) as folder:
            own = Path(folder) / _REPOSITORY
            commit = wanted.fetch(own, "Cloning", say)
            yield GitRepository(str(own), wanted.remote.shown), commit
        return
    try:
        yield GitRepository(str(cache.entry(wanted) / _REPOSITORY), wanted.remote.shown), commit
    finally:
        _leave(user)
        cache.evict()


class Clones:
    """The copies in ``folder``, which hold ``limit_bytes`` at most while none is in use."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self.limit_bytes = limit_bytes

    def is_usable(self) -> bool:
        """Whether copies can be kept there."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return False
        return os.access(self._folder, os.W_OK | os.X_OK)

    def entry(self, wanted: Wanted) -> Path:
        """The folder of one repository's copy."""
        return self._folder / hashlib.sha256(wanted.remote.url.encode()).hexdigest()[:40]

    def enter(self, wanted: Wanted, say: Say, *, anew: bool) -> tuple[filelock.BaseFileLock | None, str | None]:
        """A lock that keeps the copy, and the commit's id in it; ``None`` if others read what has to be replaced."""
        entry = self.entry(wanted)
        with _waited_for(self._lock(entry), lambda: say(f"Waiting for another scan to fetch {wanted.remote.shown}")):
            self._sweep(entry)
            commit = None if anew else _fetched_into(entry, wanted, say)
            if commit is None:
                if _in_use(entry):
                    return None, None
                commit = self._replace(entry, wanted, say)
            os.utime(entry)
            user = filelock.FileLock(entry / _USERS / f"{uuid.uuid4().hex}.lock", thread_local=False)
            user.acquire()
            return user, commit

    def evict(self) -> None:
        """Delete the copies used longest ago, those in use aside, until the others are within the limit."""
        with suppress(OSError):
            entries = [one for one in self._folder.iterdir() if one.is_dir()]
            for left in [one for one in entries if one.suffix]:
                self._delete(left.with_suffix(""))
            kept = [(one.stat().st_mtime, _size(one), one) for one in entries if not one.suffix]
            total = sum(size for _, size, _ in kept)
            for _, size, entry in sorted(kept):
                if total > self.limit_bytes and self._delete(entry, whole=True):
                    total -= size

    def _lock(self, entry: Path) -> filelock.BaseFileLock:
        return filelock.FileLock(entry.with_suffix(".lock"), thread_local=False)

    def _delete(self, entry: Path, *, whole: bool = False) -> bool:
        """Delete what is left of a copy's making, or the ``whole`` of it; false if somebody is at it."""
        try:
            with self._lock(entry).acquire(timeout=0):
                if whole and _in_use(entry):
                    return False
                if whole:
                    entry.rename(entry.with_suffix(_GONE))
                self._sweep(entry)
        except (filelock.Timeout, OSError):
            return False
        return True

    def _sweep(self, entry: Path) -> None:
        for suffix in (_PART, _GONE):
            shutil.rmtree(entry.with_suffix(suffix), ignore_errors=True)
        _sweep_repository(entry / _REPOSITORY)

    def _replace(self, entry: Path, wanted: Wanted, say: Say) -> str:
        """Make the copy anew; the old one is there until the new one is whole."""
        part = entry.with_suffix(_PART)
        try:
            (part / _USERS).mkdir(mode=0o700, parents=True)
            commit = wanted.fetch(part / _REPOSITORY, "Cloning", say)
            if entry.exists():
                entry.rename(entry.with_suffix(_GONE))
            part.rename(entry)
        finally:
            for suffix in (_PART, _GONE):
                shutil.rmtree(entry.with_suffix(suffix), ignore_errors=True)
        return commit


@contextmanager
def _waited_for(lock: filelock.BaseFileLock, say_so: Callable[[], None]) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say_so()
        try:
            lock.acquire(timeout=WAIT_S)
        except filelock.Timeout:
            raise ScannerError(
                f"Another scan has been fetching the same repository for more than {WAIT_S:.0f} s. Try again later.",
                code=FailureCode.TIMEOUT,
            ) from None
    try:
        yield
    finally:
        lock.release()


def _fetched_into(entry: Path, wanted: Wanted, say: Say) -> str | None:
    """The commit's id once it is in the copy that is there; ``None`` if there is none, or none to trust."""
    repository = entry / _REPOSITORY
    if not repository.is_dir() or not (entry / _USERS).is_dir() or _packs(repository) > MAX_PACKS:
        return None
    try:
        return wanted.fetch(repository, "Fetching", say)
    except ScannerError as error:
        if error.code != FailureCode.INTERNAL:
            raise  # the host's own answer: a new copy would get the same
        return None
    finally:
        _sweep_repository(repository)


def _in_use(entry: Path) -> bool:
    """Whether a scan reads the copy; locks of those that were killed are taken away."""
    for file in (entry / _USERS).glob("*.lock"):
        try:
            with filelock.FileLock(file, thread_local=False).acquire(timeout=0):
                pass
            file.unlink(missing_ok=True)
        except filelock.Timeout:
            return True
    return False


def _leave(user: filelock.BaseFileLock) -> None:
    user.release()
    with suppress(OSError):
        Path(user.lock_file).unlink(missing_ok=True)


def _sweep_repository(repository: Path) -> None:
    """Delete what an interrupted fetch left: packs half there, and locks that would stop the next one."""
    for file in repository.rglob("*"):
        if file.name.startswith("tmp_") or file.suffix == ".lock":
            with suppress(OSError):
                file.unlink()


def _packs(repository: Path) -> int:
    return sum(1 for _ in (repository / "objects/pack").glob("*.pack"))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def limit_bytes(environment: Mapping[str, str] = os.environ) -> int:
    """What all copies may hold together.

    Raises:
        ScannerError: the variable says no number of megabytes.
    """
    said = environment.get(LIMIT_VARIABLE) or str(DEFAULT_LIMIT_MB)
    if not said.isdecimal():
        raise wrong_option(f"{LIMIT_VARIABLE} is {said[:40]!r}, which is no number of megabytes. Set one, or unset it.")
    return int(said) * 1_000_000
