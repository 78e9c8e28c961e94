"""``gxp-execution.json``: what the tests of a product said, each by its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ....model import Evidence, Finding
from ..discover import EXECUTION
from ..evidence.keys import Verdict
from ..evidence.packages import read_object
from ..rules.product import EXECUTION_SCHEMA
from ..text import legible
from .ids import TEST, level_of, word_of

MAX_RESULTS = 10_000

_PASSED, _FAILED = frozenset({"PASS", "PASSED"}), frozenset({"FAIL", "FAILED", "ERROR"})
_SKIPPED = frozenset({"SKIP", "SKIPPED"})


def read_execution(raw: bytes) -> tuple[list[Evidence], list[Finding]]:
    """A piece of evidence for each result, and what is wrong with the record.

    Nobody here can check the signature it may carry: it is over a hash in the system of record.
    """
    said = read_object(raw)
    results = said.get("results") if said is not None else None
    if said is None or not isinstance(results, list):
        return [], [EXECUTION_SCHEMA.finding(f"{EXECUTION} is no object with a list of results.", file=EXECUTION)]
    read = [_evidence(one, said) for one in results[:MAX_RESULTS]]
    wrong = sum(one is None for one in read) + max(0, len(results) - MAX_RESULTS)
    return [one for one in read if one is not None], list(_wrong(said, wrong))


def _wrong(said: Mapping[str, Any], results: int) -> Iterator[Finding]:
    missing = [name for name in ("execution_id", "commit_sha", "environment") if not said.get(name)]
    if _time(said) is None:
        missing.append("timestamp")
    if missing:
        yield EXECUTION_SCHEMA.finding(f"{EXECUTION} has no {' and no '.join(missing)}.", file=EXECUTION)
    if results:
        message = f"{results} results of {EXECUTION} have no test's id or no known status, or are too many."
        yield EXECUTION_SCHEMA.finding(message, file=EXECUTION)


def _evidence(result: object, said: Mapping[str, Any]) -> Evidence | None:
    entry = result if isinstance(result, dict) else {}
    test, status = entry.get("gxp_id"), entry.get("status")
    if not isinstance(test, str) or level_of(test) != TEST or not isinstance(status, str):
        return None
    word = status.upper()
    if word not in _PASSED | _FAILED | _SKIPPED:
        return None
    signed, commit = said.get("signature"), said.get("commit_sha")
    tier = word_of(test)
    return Evidence(
        evidence_id=test,
        kind="evidence_record",
        file=EXECUTION,
        tier=tier if tier != "TC" else None,
        signature=(Verdict.UNVERIFIABLE if signed else Verdict.UNSIGNED).value,
        time=_time(said),
        commit=legible(commit, 200) if isinstance(commit, str) else None,
        passed=int(word in _PASSED),
        failed=int(word in _FAILED),
        skipped=int(word in _SKIPPED),
    )


def _time(said: Mapping[str, Any]) -> datetime | None:
    text = said.get("timestamp") or said.get("executed_at")
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
