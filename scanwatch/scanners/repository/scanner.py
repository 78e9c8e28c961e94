"""The scanner of git repositories: opens what the target names, and hands it to the scan of one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from ...model import Phase, Progress, ScanOutcome
from .._base import Report, Task
from .._target import options_of
from .commit_scan import CommitScan
from .git import GitRepository, clone, open_local
from .memory import Memory, memory_path
from .options import read_options
from .target import Remote, parse_target


class RepositoryScanner:
    """Reads the validation record of a git repository at one commit and checks it.

    Takes a local path, a ``file``, ``https``, ``http`` or ``ssh`` URL. The option ``ref`` names the branch, tag or
    commit to read; without it that is HEAD. What is not committed is not seen. The other options are those of
    :class:`~.options.Options`.
    """

    schemes: ClassVar[tuple[str, ...]] = ("https", "http", "ssh", "file", "path")

    def check(self, task: Task) -> None:
        """Refuse a target or an option that nothing on any disk could make right.

        Raises:
            ScannerError: as said.
        """
        target, options = options_of(task)
        read_options(options)
        parse_target(target)

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        """Scan ``task.target``; blocks, so the worker runs it in a process of its own.

        Raises:
            ScannerError: the target cannot be read, or has no validation record at that commit.
        """
        target, said = options_of(task)
        options = read_options(said)
        with _opened(target, options.ref, report) as repository:
            memory = Memory(repository, memory_path(target) if options.incremental else None)
            return CommitScan(repository, options, memory, report).run()


@contextmanager
def _opened(target: str, ref: str | None, report: Report) -> Iterator[GitRepository]:
    """The repository that ``target`` names: in place, or as a copy that is gone afterwards."""
    named = parse_target(target)
    if not isinstance(named, Remote):
        report(Progress(Phase.DISCOVERY, message=f"Opening {named.shown}"))
        yield open_local(named.path, named.shown)
        return
    report(Progress(Phase.DISCOVERY, message=f"Cloning {named.shown}"))
    with TemporaryDirectory(prefix="scanwatch-", ignore_cleanup_errors=True) as folder:
        yield clone(named, Path(folder) / "repository.git", ref)
