"""The scanner of git repositories: opens what the target names, and hands it to the scan of one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from ...model import Phase, Progress, ScanOutcome
from .._base import Report, Task
from .._target import options_of
from .commit_scan import CommitScan
from .git import DamagedRepository, GitRepository, open_local
from .memory import Memory, memory_path
from .options import Options, read_options
from .target import Local, Remote, parse_target


class RepositoryScanner:
    """Reads the validation record of a git repository at one commit and checks it.

    Takes a local path, a ``file``, ``https``, ``http`` or ``ssh`` URL. The option ``ref`` names the branch, tag or
    commit to read; without it that is HEAD. What is not committed is not seen. ``path`` names the folder to scan, for a
    repository of many projects. The other options are those of :class:`~.options.Options`.
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
        named = parse_target(target)
        try:
            with _opened(named, options, report) as (repository, commit):
                return self._scan(repository, commit, target, options, report)
        except DamagedRepository:
            if not isinstance(named, Remote):
                raise
        with _opened(named, options, report, anew=True) as (repository, commit):  # a copy may be: the original is not
            return self._scan(repository, commit, target, options, report)

    def _scan(
        self, repository: GitRepository, commit: str, target: str, options: Options, report: Report
    ) -> ScanOutcome:
        seen = repository.within(options.path)
        memory = Memory(seen, memory_path(target, options.path) if options.incremental else None)
        return CommitScan(seen, commit, options, memory, report).run()


@contextmanager
def _opened(
    named: Local | Remote, options: Options, report: Report, *, anew: bool = False
) -> Iterator[tuple[GitRepository, str]]:
    """The repository that the target names, in place or as a copy, and the id of the commit to scan."""

    def say(message: str, share: float | None = None) -> None:
        report(Progress(Phase.DISCOVERY, message=message, share=share))

    if isinstance(named, Remote):
        from .clones import Wanted, cloned  # which a repository on this disk can do without

        with cloned(Wanted(named, options.ref, options.depth), say, anew=anew) as copy:
            yield copy
        return
    say(f"Opening {named.shown}")
    repository = open_local(named.path, named.shown)
    yield repository, repository.commit(options.ref)
