"""What earlier scans of a target have read, kept on this machine by the blobs' ids: the next one reads what changed.

Everything in it follows from the bytes of a blob (and the name of its file's language), or from a tree and the patterns
of what is left out of it, so that a scan with a memory finds what one without finds. A memory is written once, at the
end of a scan that succeeded, in one step; one that cannot be read, or is another version's, counts as none.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import msgspec

from ..._version import __version__
from .cache import cache_folder
from .git import GitRepository, TreeEntry
from .lfs import digest_of_contents
from .source.gathering import Gathered
from .source.languages import LANGUAGES
from .source.reading import SourceReading

MAX_MEMORY_BYTES = 256 * 1024 * 1024
MAX_FOLDER_BYTES = 1024 * 1024 * 1024
"""Of all memories together; the oldest go."""

_FORMAT = 5

Readings = dict[str, SourceReading | None]
"""By blob and language; ``None``: there is nothing in it."""
Decoded = TypeVar("Decoded")


class Kept(msgspec.Struct):
    """A memory as its file holds it: the tree of the last scan and its files, and what blobs said, by their ids.

    What is read only if something changed, or only if nothing did, stays undecoded until then.
    """

    version: str
    tree: str = ""
    entries: list[TreeEntry] = []
    contents: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    states: dict[str, dict[str, str]] = {}
    readings: msgspec.Raw = msgspec.Raw(msgspec.msgpack.encode({}))
    patterns: list[str] | None = None
    """Those of the files that were left out when ``gathered`` was."""
    gathered: msgspec.Raw = msgspec.Raw(msgspec.msgpack.encode(None))


@dataclass(frozen=True, slots=True)
class Changes:
    """How the files of a commit differ from those of the scan before, in number."""

    total: int
    changed: int
    unchanged: int
    removed: int

    def __str__(self) -> str:
        return f"{self.total} files: {self.changed} changed, {self.unchanged} unchanged, {self.removed} removed"


class Memory:
    """Reads blobs, and remembers: ``path`` is where, ``None`` remembers for this scan alone."""

    def __init__(self, repository: GitRepository, path: Path | None) -> None:
        self._repository = repository
        self._path = path
        self._old = _load(path)
        self._new = Kept(self._old.version)
        self._readings: Readings = {}
        self._gathered: Gathered | None = None

    def entries(self, commit: str) -> list[TreeEntry]:
        """All files of a commit, as :meth:`GitRepository.entries` has them; git lists them if they are not the same."""
        tree = self._repository.tree(commit)
        same = tree is not None and tree == self._old.tree
        self._new.entries = self._old.entries if same else self._repository.entries(commit)
        self._new.tree = tree or ""
        return self._new.entries

    def contents(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of small blobs, in the order asked for."""
        missing = [oid for oid in dict.fromkeys(oids) if oid not in self._new.contents]
        missing = [oid for oid in missing if not self._recall(oid)]
        if not missing:
            yield from (self._new.contents[oid] for oid in oids)
            return
        with self._repository.blobs(missing) as blobs:
            for oid in oids:
                if oid not in self._new.contents:
                    self._new.contents[oid] = next(blobs)
                yield self._new.contents[oid]

    def digests(self, oids: Sequence[str]) -> list[str]:
        """The SHA-256 of blobs of any size, in the order asked for; one is in memory at a time.

        That of a pointer to large-file storage is the one of what it points to.
        """
        known = self._new.digests
        known.update({oid: self._old.digests[oid] for oid in oids if oid in self._old.digests})
        missing = [oid for oid in dict.fromkeys(oids) if oid not in known]
        if missing:
            with self._repository.blobs(missing) as blobs:
                known.update(zip(missing, map(_digest, blobs), strict=True))
        return [known[oid] for oid in oids]

    def gathered(self, patterns: Sequence[str]) -> Gathered | None:
        """What all sources said, if the files are those of the scan before and the same were left out."""
        if self._is_same_tree and self._old.patterns == list(patterns):
            self._gathered = _decoded(self._old.gathered, Gathered)
            self._new.patterns = self._old.patterns
        return self._gathered

    def remember_gathered(self, patterns: Sequence[str], gathered: Gathered) -> None:
        """Keep what all sources said."""
        if self._path is None:
            return
        self._new.patterns = list(patterns)
        self._new.gathered = msgspec.Raw(msgspec.msgpack.encode(gathered))

    def reading(self, key: str) -> tuple[bool, SourceReading | None]:
        """Whether a source is remembered under ``key``, and what it said; ``None`` for nothing."""
        for kept in (self._readings, self._old_readings):
            if key in kept:
                self._readings[key] = kept[key]
                return True, kept[key]
        return False, None

    def remember_reading(self, key: str, reading: SourceReading | None) -> None:
        """Keep what a source said."""
        self._readings[key] = reading

    def state(self, key: str) -> Mapping[str, str] | None:
        """The state hashes remembered under ``key``."""
        kept = self._new.states.get(key) or self._old.states.get(key)
        if kept is not None:
            self._new.states[key] = kept
        return kept

    def remember_state(self, key: str, hashes: Mapping[str, str]) -> None:
        """Keep state hashes."""
        self._new.states[key] = dict(hashes)

    def changes(self) -> Changes:
        """How the files of this scan differ from those of the scan before."""
        total = len(self._new.entries)
        if self._is_same_tree:
            return Changes(total, 0, total, 0)
        before = {entry.path: entry.oid for entry in self._old.entries}
        unchanged = sum(before.get(entry.path) == entry.oid for entry in self._new.entries)
        removed = len(before.keys() - {entry.path for entry in self._new.entries})
        return Changes(total, total - unchanged, unchanged, removed)

    def save(self) -> None:
        """Keep everything for the next scan, in one step; what cannot be kept is not, which costs time alone."""
        if self._path is None or not self._has_news():
            return
        if self._gathered is None:
            self._new.readings = msgspec.Raw(msgspec.msgpack.encode(self._readings))
        else:  # nobody asked for a single one
            self._new.readings, self._new.gathered = self._old.readings, self._old.gathered
        raw = msgspec.msgpack.encode(self._new)
        if len(raw) > MAX_MEMORY_BYTES:
            return
        with suppress(OSError):
            _write(self._path, raw)
            _prune(self._path.parent)

    @property
    def _is_same_tree(self) -> bool:
        return self._new.tree == self._old.tree != ""

    @cached_property
    def _old_readings(self) -> Readings:
        return _decoded(self._old.readings, Readings) or {}

    def _has_news(self) -> bool:
        """Whether there is anything to keep that is not kept."""
        new, old = self._new, self._old
        if not self._is_same_tree or new.patterns != old.patterns:
            return True
        if (new.contents, new.digests, new.states) != (old.contents, old.digests, old.states):
            return True
        return self._gathered is None and self._readings != self._old_readings

    def _recall(self, oid: str) -> bool:
        if oid in self._old.contents:
            self._new.contents[oid] = self._old.contents[oid]
            return True
        return False


def memory_path(target: str, folder: str = "") -> Path:
    """Where the memory of a target is, or of a ``folder`` of it."""
    named = f"{target}\0{folder}" if folder else target
    return cache_folder("memories") / f"{hashlib.sha256(named.encode()).hexdigest()[:40]}.msgpack"


def _digest(blob: bytes) -> str:
    return digest_of_contents(blob) or hashlib.sha256(blob).hexdigest()


@cache
def _version() -> str:
    """What a reading follows from besides the bytes: our version, and the grammars as they are installed."""
    modules = ["tree_sitter", *dict.fromkeys(one.module for one in LANGUAGES)]
    return " ".join([str(_FORMAT), __version__, *map(_installed, modules)])


def _installed(module: str) -> str:
    """Size and time of a package's file; to ask for its version would load more than the rest of a scan does."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return "-"
    found = os.stat(spec.origin)
    return f"{found.st_size}:{found.st_mtime_ns}"


def _load(path: Path | None) -> Kept:
    try:
        if path is not None and path.stat().st_size <= MAX_MEMORY_BYTES:
            kept = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
            if kept.version == _version():
                return kept
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        pass  # as good as none
    return Kept(_version())


def _decoded(raw: msgspec.Raw, kind: type[Decoded]) -> Decoded | None:
    """What was left undecoded; what is of another kind after all counts as none."""
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _prune(folder: Path) -> None:
    """Delete the files written longest ago, parts that nobody finished among them, until the rest is small enough."""
    kept = sorted(((file.stat().st_mtime, file.stat().st_size, file) for file in folder.iterdir()), reverse=True)
    total = 0
    for _, size, file in kept:
        total += size
        if total > MAX_FOLDER_BYTES:
            file.unlink(missing_ok=True)
