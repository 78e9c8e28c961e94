"""What is different between two scans, as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import pandas as pd

from ..model import Artifact, Finding, ScanOutcome
from ._types import CHANGE, COUNT, TEXT, Column, listed, table

COMPARISON = (
    Column("what", TEXT, "artifact or finding"),
    Column(
        "change", CHANGE, "of an artifact: added, removed, changed; of a finding: added (new), removed (fixed), moved"
    ),
    Column("kind", TEXT, "the artifact's kind, or the finding's rule"),
    Column("artifact_id", TEXT, "the artifact it is about"),
    Column("field", TEXT, "of an artifact that changed: what of it"),
    Column("before", TEXT, "what it was; of a finding, its place"),
    Column("after", TEXT, "what it is; of a finding, its place"),
    Column("file", TEXT, "path in the repository, as of the newer scan if it is there"),
    Column("line", COUNT, "line in the file, from 1"),
)
_COMPARED = [field.name for field in fields(Artifact) if field.name not in ("artifact_id", "kind", "details")]


@dataclass(frozen=True, slots=True)
class _Difference:
    what: str
    change: str
    kind: str
    artifact_id: str | None
    field: str | None
    before: str | None
    after: str | None
    file: str | None
    line: int | None


@listed(COMPARISON)
def comparison_table(before: ScanOutcome, after: ScanOutcome) -> pd.DataFrame:
    """What is different in ``after``, one row for each difference: artifacts, then findings; none if all is equal.

    Artifacts are the same by kind and id, findings by rule, artifact and words.
    """
    rows = [*_artifacts(before.artifacts, after.artifacts), *_findings(before.findings, after.findings)]
    return table(COMPARISON, rows)


def _artifacts(before: Iterable[Artifact], after: Iterable[Artifact]) -> Iterator[_Difference]:
    old, new = _numbered(before), _numbered(after)
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            one = was or now
            assert one is not None
            change = "added" if was is None else "removed"
            yield _Difference("artifact", change, one.kind, one.artifact_id, None, None, None, one.file, one.line)
            continue
        told_before, told_now = _told(was), _told(now)
        for name in dict.fromkeys([*told_before, *told_now]):
            if told_before.get(name) != told_now.get(name):
                values = told_before.get(name), told_now.get(name)
                yield _Difference("artifact", "changed", now.kind, now.artifact_id, name, *values, now.file, now.line)


def _told(artifact: Artifact) -> dict[str, str]:
    """What is known of an artifact, by name, as text; lists as lines."""
    known = {name: str(value) for name in _COMPARED if (value := getattr(artifact, name)) is not None}
    return known | {name: "\n".join(values) for name, values in artifact.details.items()}


def _numbered(artifacts: Iterable[Artifact]) -> dict[tuple[str, str, int], Artifact]:
    """Artifacts by kind, id and which of that name they are: duplicates are compared in their order."""
    seen: Counter[tuple[str, str]] = Counter()
    numbered = {}
    for one in artifacts:
        seen[one.kind, one.artifact_id] += 1
        numbered[one.kind, one.artifact_id, seen[one.kind, one.artifact_id]] = one
    return numbered


def _findings(before: Iterable[Finding], after: Iterable[Finding]) -> Iterator[_Difference]:
    old, new = _by_words(before), _by_words(after)
    for key in dict.fromkeys([*old, *new]):
        gone, come = _unmatched(old[key], new[key])
        for was, now in zip(gone, come, strict=False):
            yield _difference("moved", now, _place(was), _place(now))
        for was in gone[len(come) :]:
            yield _difference("removed", was, _place(was), None)
        for now in come[len(gone) :]:
            yield _difference("added", now, None, _place(now))


def _by_words(findings: Iterable[Finding]) -> dict[tuple[str, str | None, str], list[Finding]]:
    grouped: dict[tuple[str, str | None, str], list[Finding]] = defaultdict(list)
    for one in findings:
        grouped[one.rule, one.artifact_id, one.message].append(one)
    return grouped


def _unmatched(old: list[Finding], new: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Those of each side that are not at the same place on the other."""
    places_old, places_new = Counter(map(_place, old)), Counter(map(_place, new))
    gone, come = places_old - places_new, places_new - places_old
    return _taken(old, gone), _taken(new, come)


def _taken(findings: list[Finding], places: Counter[str]) -> list[Finding]:
    taken = []
    for one in findings:
        if places[_place(one)] > 0:
            places[_place(one)] -= 1
            taken.append(one)
    return taken


def _place(finding: Finding) -> str:
    place = finding.file or ""
    return place if finding.line is None else f"{place}:{finding.line}"


def _difference(change: str, finding: Finding, before: str | None, after: str | None) -> _Difference:
    return _Difference(
        "finding", change, finding.rule, finding.artifact_id, None, before, after, finding.file, finding.line
    )
