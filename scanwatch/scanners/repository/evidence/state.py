"""The hash of the state of the sources, in the two forms in use, recomputed from git.

Both go over the files below the source folder in the order of their paths, without ``node_modules`` and folders that
start with a dot. The form of the RFC hashes each path and then its contents; the form of the implementation in use puts
a NUL between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....errors import ScannerError
from ..git import GitRepository, TreeEntry
from ..memory import Memory

RFC, WITH_NUL = "rfc", "with-nul"

MAX_COMMITS = 20
MAX_STATE_BYTES = 256 * 1024 * 1024
"""Bytes hashed for one commit."""


@dataclass(slots=True)
class States:
    """The state hashes of commits, each computed once. ``roots`` are the source folders; none: those that are usual.

    Only ``scanned`` and the commits that led to it count: what else is in a repository differs from copy to copy.
    """

    repository: GitRepository
    scanned: str
    memory: Memory
    roots: Sequence[str] = ()
    _known: dict[str, Mapping[str, str] | None] = field(default_factory=dict)

    def form_of(self, commit: str, state_hash: str) -> tuple[bool, str | None]:
        """Whether the state of ``commit`` is known, and the form in which ``state_hash`` is its hash, if any."""
        if commit not in self._known:
            self._known[commit] = self._compute(commit) if len(self._known) < MAX_COMMITS else None
        hashes = self._known[commit]
        return hashes is not None, None if hashes is None else hashes.get(state_hash.lower().removeprefix("sha256:"))

    def _compute(self, commit: str) -> Mapping[str, str] | None:
        """Every hash of the commit's source folders, and the form each is in; ``None`` if it cannot be read here."""
        try:
            full = self.repository.commit(commit)
            if not self.repository.has_in_history(self.scanned, full):
                return None
            key = "\0".join((full, self.repository.folder, *self.roots))
            if known := self.memory.state(key):
                return known
            entries = self.repository.entries(full)
            found: dict[str, str] = {}
            for root in self.roots or _usual_roots(entries):
                rfc, with_nul = self._hash(root, entries)
                found |= {rfc: RFC, with_nul: WITH_NUL}
        except (ScannerError, _TooLarge):
            return None
        self.memory.remember_state(key, found)
        return found

    def _hash(self, root: str, entries: Iterable[TreeEntry]) -> tuple[str, str]:
        start = root.strip("/").encode() + b"/"
        below = sorted((one.path[len(start) :], one) for one in entries if one.is_file and one.path.startswith(start))
        files = [(path, one) for path, one in below if not _skipped(path)]
        if sum(one.size_bytes or 0 for _, one in files) > MAX_STATE_BYTES:
            raise _TooLarge
        rfc, with_nul = hashlib.sha256(), hashlib.sha256()
        with self.repository.blobs([one.oid for _, one in files]) as contents:
            for (path, _), blob in zip(files, contents, strict=True):
                for digest, between in ((rfc, b""), (with_nul, b"\0")):
                    digest.update(path + between)
                    digest.update(blob)
        return rfc.hexdigest(), with_nul.hexdigest()


class _TooLarge(Exception):
    """More bytes than are hashed."""


def _usual_roots(entries: Iterable[TreeEntry]) -> list[str]:
    """``src`` at the top, and in each folder of ``packages``."""
    parts = {tuple(one.path.split(b"/")[:3]) for one in entries}
    roots = {"src" for one in parts if one[0] == b"src" and len(one) > 1}
    roots |= {
        b"/".join(one).decode("utf-8", "surrogateescape")
        for one in parts
        if len(one) == 3 and one[0] == b"packages" and one[2] == b"src"
    }
    return sorted(roots)


def _skipped(path: bytes) -> bool:
    folders = path.split(b"/")[:-1]
    return any(folder == b"node_modules" or folder.startswith(b".") for folder in folders)
