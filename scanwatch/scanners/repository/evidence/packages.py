"""An evidence package: whether what is there is what was signed, by the four checks in their order.

1. The manifest and the signature are there. 2. The signature holds, and was over this manifest. 3. Every listed file is
there and unchanged. 4. No other file is there. Then: whether it has what its tier demands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ....model import Finding
from ..git import TreeEntry
from ..memory import Memory
from ..rules import Rule
from ..rules.evidence import (
    PACKAGE_CONTENTS,
    PACKAGE_INCOMPLETE,
    PACKAGE_MANIFEST_DIFFERS,
    PACKAGE_PATH,
    PACKAGE_TAMPERED,
    PACKAGE_UNLISTED,
)
from ..rules.reading import FILE_TOO_LARGE
from ..text import legible

MANIFEST, METADATA = "manifest.json", "metadata.json"
SIGNATURES = ("manifest.jws", "signature.jws")
"""The signature's name in draft 02, and in draft 03."""
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_DOCUMENT_BYTES = 1024 * 1024

_EVERY_TIER = ("metadata.json", "environment.json", "test-output.log", "artifacts/test-results.json")
_OF_TIER = {
    "IQ": ("artifacts/dependency-tree.json", "artifacts/health-check.json"),
    "OQ": ("artifacts/coverage-report.json",),
    "PQ": ("screenshots/", "traces/"),
}
_SIGNED_ONLY = frozenset({"iat", "exp", "nbf", "iss"})


@dataclass(slots=True)
class Package:
    """The files of a package by their path in it, and where it is."""

    folder: str
    package_id: str
    tier: str | None = None
    files: dict[str, TreeEntry] = field(default_factory=dict)

    @property
    def signature_file(self) -> str | None:
        """The path of its signature in the package."""
        return next((name for name in SIGNATURES if name in self.files), None)

    def finding(self, rule: Rule, message: str, file: str | None = None) -> Finding:
        """A rule broken by this package, at one of its files."""
        place = f"{self.folder}/{file}" if file else self.folder
        return rule.finding(message, file=legible(place), artifact_id=self.package_id)


def check_presence(package: Package) -> Iterator[Finding]:
    """The first check; without both files the others have nothing to go by."""
    if MANIFEST not in package.files:
        yield package.finding(PACKAGE_INCOMPLETE, f"{package.package_id} has no {MANIFEST}.")
    if package.signature_file is None:
        yield package.finding(PACKAGE_INCOMPLETE, f"{package.package_id} has no {' or '.join(SIGNATURES)}.")


def check_manifest(package: Package, manifest: Mapping[str, Any], signed: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the manifest is the one that was signed."""
    bare = {key: value for key, value in signed.items() if key not in _SIGNED_ONLY}
    if bare != {key: value for key, value in manifest.items() if key not in _SIGNED_ONLY}:
        yield package.finding(
            PACKAGE_MANIFEST_DIFFERS, f"The manifest of {package.package_id} is not the signed one.", MANIFEST
        )


def check_files(package: Package, manifest: Mapping[str, Any], memory: Memory) -> Iterator[Finding]:
    """The third and fourth checks: listed files unchanged, and no others."""
    listed, wrong = _listed(package, manifest)
    yield from wrong
    small = {path: entry for path in listed if (entry := package.files.get(path)) and _is_small(entry)}
    hashes = dict(zip(small, memory.digests([entry.oid for entry in small.values()]), strict=True))
    for path, expected in listed.items():
        entry = package.files.get(path)
        if entry is None:
            yield package.finding(PACKAGE_TAMPERED, f"{path} is listed and not there.", path)
        elif not entry.is_file:
            yield package.finding(PACKAGE_PATH, f"{path} is a link or a submodule.", path)
        elif path not in hashes:
            yield package.finding(FILE_TOO_LARGE, f"{path} has more than {MAX_FILE_BYTES} bytes: not hashed.", path)
        elif hashes[path] != expected:
            yield package.finding(PACKAGE_TAMPERED, f"{path} does not have the contents it was listed with.", path)
    for path in sorted(package.files.keys() - listed.keys() - {MANIFEST, *SIGNATURES}):
        yield package.finding(PACKAGE_UNLISTED, f"{path} is there and not listed.", path)


def check_contents(package: Package) -> Iterator[Finding]:
    """Whether the package has what its tier demands."""
    for wanted in (*_EVERY_TIER, *_OF_TIER.get(package.tier or "", ())):
        there = wanted in package.files or (
            wanted.endswith("/") and any(path.startswith(wanted) for path in package.files)
        )
        if not there:
            yield package.finding(PACKAGE_CONTENTS, f"{package.package_id} has no {wanted}.")


def read_object(raw: bytes | None) -> Mapping[str, Any] | None:
    """A JSON object; ``None`` if it is none."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _listed(package: Package, manifest: Mapping[str, Any]) -> tuple[dict[str, str], list[Finding]]:
    """The files of the manifest with their hashes, and what is wrong with the list itself."""
    listed: dict[str, str] = {}
    wrong: list[Finding] = []
    entries = manifest.get("files")
    if not isinstance(entries, list):
        return {}, [
            package.finding(PACKAGE_INCOMPLETE, f"The manifest of {package.package_id} lists no files.", MANIFEST)
        ]
    for entry in entries:
        path, digest = (entry.get("path"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(digest, str):
            wrong.append(package.finding(PACKAGE_INCOMPLETE, "An entry of the manifest has no path or hash.", MANIFEST))
        elif not _stays_within(path):
            wrong.append(package.finding(PACKAGE_PATH, f"The manifest lists {legible(path, 200)}.", MANIFEST))
        else:
            listed[path.removeprefix("./")] = digest.lower()
    return listed, wrong


def _stays_within(path: str) -> bool:
    parts = path.removeprefix("./").split("/")
    return bool(path) and "\\" not in path and "\0" not in path and not any(part in ("", ".", "..") for part in parts)


def _is_small(entry: TreeEntry) -> bool:
    return entry.is_file and (entry.size_bytes or 0) <= MAX_FILE_BYTES
