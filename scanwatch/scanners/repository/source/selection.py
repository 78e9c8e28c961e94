"""Which files of a commit are read for annotations, by a rule that is stated here and can be configured.

Everything is read but the record itself (``.gxp``), links and submodules, folders of what others wrote or a program
generated (``EXCLUDED``), files that hold prose, data or pictures by their name (``NOT_SOURCE``), and files larger than
``MAX_SOURCE_BYTES``. What is left out is counted by reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate

import msgspec

from ..git import TreeEntry

MAX_SOURCE_BYTES = 1024 * 1024

EXCLUDED = (
    *("node_modules/", "bower_components/", "jspm_packages/", ".yarn/", "vendor/", "vendored/", "third_party/"),
    *("third-party/", "site-packages/", ".venv/", "venv/", "dist/", "generated/", "__generated__/", "__pycache__/"),
    *("*.min.js", "*.bundle.js", "*_pb2.py", "*_pb2_grpc.py", "*.pb.go", "*.generated.*", "*.designer.cs"),
)
"""Patterns of generated and vendored files: a name with a slash behind it is a folder at any depth, one without any
slash a file at any depth, and one with a slash inside a path from the top; ``*`` stands for any characters."""

NOT_SOURCE = frozenset(
    {
        *(".bmp", ".eot", ".gif", ".ico", ".jpeg", ".jpg", ".otf", ".png", ".svg", ".ttf", ".webp", ".woff", ".woff2"),
        *(".7z", ".avi", ".bin", ".class", ".dat", ".db", ".dll", ".doc", ".docx", ".exe", ".gz", ".jar", ".mp3"),
        *(".mp4", ".o", ".parquet", ".pdf", ".pyc", ".so", ".sqlite", ".tar", ".tiff", ".wasm", ".wav", ".webm"),
        *(".whl", ".xls", ".xlsx", ".zip"),
        *(".csv", ".html", ".ipynb", ".json", ".lock", ".log", ".map", ".md", ".rst", ".tsv", ".txt", ".xml"),
    }
)
_RECORD = b".gxp/"
_ENDING = re.compile(r"\*[^*?\[]+")


class Exclusions:
    """Patterns made ready to ask many paths."""

    def __init__(self, patterns: Sequence[str]) -> None:
        folders = [pattern[:-1] for pattern in patterns if pattern.endswith("/")]
        files = [pattern for pattern in patterns if not pattern.endswith("/")]
        self._folder_names = _any_of([one for one in folders if "/" not in one])
        self._file_names = _any_of([one for one in files if "/" not in one])
        paths = [one for one in files if "/" in one] + [f"{one}/*" for one in folders if "/" in one]
        self._paths = _any_of([path.removeprefix("/") for path in paths]) if paths else None
        self._folders: dict[str, str | None] = {"": None}

    def place(self, file: str) -> str | None:
        """The outermost folder that is left out and holds ``file``, or the file alone; ``None`` if it is read."""
        folder, _, name = file.rpartition("/")
        left_out = self._left_out(folder)
        if left_out is None and (self._file_names(name) or (self._paths and self._paths(file))):
            return file
        return left_out

    def _left_out(self, folder: str) -> str | None:
        if folder not in self._folders:
            parts = folder.split("/")
            outermost = next((at for at, name in enumerate(parts) if self._folder_names(name)), None)
            self._folders[folder] = None if outermost is None else "/".join(parts[: outermost + 1]) + "/"
        return self._folders[folder]


def _any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text matches one of them; an ending, as most patterns are, is asked for without an expression."""
    endings = tuple(pattern[1:] for pattern in patterns if _ENDING.fullmatch(pattern))
    others = [translate(pattern) for pattern in patterns if not _ENDING.fullmatch(pattern)]
    match = re.compile("|".join(others) or r"(?!)").match
    return lambda text: text.endswith(endings) or match(text) is not None


class SourceFile(msgspec.Struct, frozen=True, gc=False):
    """A file to read, and its blob."""

    file: str
    oid: str


@dataclass(slots=True)
class Selection:
    """The files to read, and how many are not, by reason."""

    files: list[SourceFile] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    """By the folder that is left out, or the file."""
    too_large: list[str] = field(default_factory=list)
    submodules: list[str] = field(default_factory=list)
    not_source: int = 0


def select(entries: Iterable[tuple[str, TreeEntry]], exclusions: Exclusions) -> Selection:
    """The source files of a commit, given its entries with their paths as people may see them."""
    selection = Selection()
    for file, entry in entries:
        if entry.path.startswith(_RECORD):
            continue
        if not entry.is_file:
            selection.submodules += [file] * entry.is_submodule
            continue
        if _suffix(file) in NOT_SOURCE:
            selection.not_source += 1
        elif place := exclusions.place(file):
            selection.excluded[place] += 1
        elif (entry.size_bytes or 0) > MAX_SOURCE_BYTES:
            selection.too_large.append(file)
        else:
            selection.files.append(SourceFile(file, entry.oid))
    return selection


def _suffix(file: str) -> str:
    begin = file.rfind("/") + 1
    dot = file.rfind(".", begin)
    return file[dot:].lower() if dot > begin else ""
