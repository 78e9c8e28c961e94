"""The questions a store answers from its file, as plain functions of a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ..model import (
    Annotation,
    ApiKey,
    Artifact,
    AuditEntry,
    Event,
    Evidence,
    Finding,
    Page,
    Repository,
    ScanRequest,
    ScanStatus,
)
from ..snapshot import Snapshot
from . import _rules
from ._base import ScanFilter
from ._records import (
    decode_annotation,
    decode_api_key,
    decode_artifact,
    decode_audit_entry,
    decode_event,
    decode_evidence,
    decode_finding,
    decode_repository,
    decode_request,
    decode_snapshot,
)
from ._schema import EPOCH, microseconds

Row = TypeVar("Row")


def events(connection: sqlite3.Connection, scan_id: str, after: int, limit: int) -> list[Event]:
    """As in ``EventLog.events``."""
    rows = connection.execute(
        "SELECT body FROM events WHERE scan = (SELECT number FROM scans WHERE id = ?) AND seq > ? ORDER BY seq LIMIT ?",
        (scan_id, after, limit),
    )
    return [decode_event(body) for (body,) in rows]


def snapshot(connection: sqlite3.Connection, scan_id: str) -> Snapshot:
    """As in ``EventLog.snapshot``."""
    return decode_snapshot(_of_scan(connection, "SELECT snapshot FROM scans WHERE id = ?", scan_id))


def request(connection: sqlite3.Connection, scan_id: str) -> ScanRequest:
    """As in ``ScanStore.request``."""
    return decode_request(_of_scan(connection, "SELECT request FROM scans WHERE id = ?", scan_id))


def scans(connection: sqlite3.Connection, where: ScanFilter, page: int, limit: int) -> Page[Snapshot]:
    """As in ``ScanStore.scans``. Numbers are looked for first, in the indices alone: snapshots are large."""
    condition, values = _condition(connection, where)
    total = _count(connection, where, condition, values)
    first = (page - 1) * limit
    wanted = max(0, min(limit, total - first))
    # The later half is counted from its end: no page is further away than the middle.
    order, offset = ("DESC", first) if first < total / 2 else ("ASC", total - first - wanted)
    by_time = "INDEXED BY scans_by_time" if _soonest_by_time(connection, total, offset + wanted) else ""
    numbers = connection.execute(
        f"SELECT number FROM scans {by_time} WHERE {condition}"  # noqa: S608  fixed text with placeholders
        f" ORDER BY created_at {order}, number {order} LIMIT ? OFFSET ?",
        (*values, wanted, max(0, offset)),
    ).fetchall()
    rows = [connection.execute("SELECT snapshot FROM scans WHERE number = ?", number).fetchone() for number in numbers]
    snapshots = [decode_snapshot(body) for (body,) in rows]
    return Page(tuple(snapshots if order == "DESC" else reversed(snapshots)), page, limit, total)


def _soonest_by_time(connection: sqlite3.Connection, total: int, away: int) -> bool:
    """Whether a page that ends ``away`` matches from an end is found by going through time, row by row, sooner than by
    putting all matches, which an index has, in order. A row costs some four times as much as an entry of an index."""
    scans = connection.execute("SELECT max(number) FROM scans").fetchone()[0] or 0
    return total > 0 and 4 * away * scans / total < total


def _count(connection: sqlite3.Connection, where: ScanFilter, condition: str, values: list[Any]) -> int:
    """How many scans match; of every status it is kept."""
    if where == ScanFilter(status=where.status):
        counts = dict(connection.execute("SELECT status, scans FROM scan_counts"))
        return sum(many for status, many in counts.items() if where.status is None or status in where.status)
    count = f"SELECT count(*) FROM scans WHERE {condition}"  # noqa: S608  the condition is fixed text with placeholders
    return int(connection.execute(count, values).fetchone()[0])


_TARGETS = (
    "WITH RECURSIVE one (target) AS (SELECT min(target) FROM scans UNION ALL"
    " SELECT (SELECT min(s.target) FROM scans s WHERE s.target > one.target) FROM one WHERE one.target IS NOT NULL)"
    " SELECT target FROM one WHERE instr(target, ?) > 0"
)
"""The targets that hold a text, from one to the next in the index: not one step for each scan."""


def unfinished(connection: sqlite3.Connection) -> list[str]:
    """As in ``ScanStore.unfinished``."""
    rows = connection.execute(
        "SELECT id FROM scans WHERE status IN ('pending', 'queued', 'in_progress', 'cancelling')"
        " ORDER BY created_at, number"
    )
    return [scan_id for (scan_id,) in rows]


_HELD = (
    "WITH RECURSIVE held (scan) AS (SELECT min(scan) FROM events UNION ALL"
    " SELECT (SELECT min(e.scan) FROM events e WHERE e.scan > held.scan) FROM held WHERE held.scan IS NOT NULL)"
    " SELECT s.number, s.id, s.snapshot FROM held CROSS JOIN scans s ON s.number = held.scan"
)
"""The scans that have events, from one to the next in the index: not one step for each event, or each scan."""


def ended_before(
    connection: sqlite3.Connection, moment: datetime, *, with_events: bool = False
) -> Iterator[tuple[int, str]]:
    """Numbers and ids of the scans that ended before ``moment``, oldest first; those that have events, if asked."""
    select = _HELD if with_events else "SELECT s.number, s.id, s.snapshot FROM scans s"
    rows = connection.execute(
        f"{select} WHERE s.status IN ('completed', 'failed', 'cancelled') AND s.created_at < ?"
        " ORDER BY s.created_at, s.number",
        (microseconds(moment),),
    )
    return ((number, scan_id) for number, scan_id, body in rows if _rules.ended_before(decode_snapshot(body), moment))


def artifacts(connection: sqlite3.Connection, scan_id: str, page: int, limit: int) -> Page[Artifact]:
    """As in ``ScanStore.artifacts``."""
    return _inventory(connection, "artifacts", decode_artifact, scan_id, page, limit)


def findings(connection: sqlite3.Connection, scan_id: str, page: int, limit: int) -> Page[Finding]:
    """As in ``ScanStore.findings``."""
    return _inventory(connection, "findings", decode_finding, scan_id, page, limit)


def scan_annotations(connection: sqlite3.Connection, scan_id: str, page: int, limit: int) -> Page[Annotation]:
    """As in ``ScanStore.annotations``."""
    return _inventory(connection, "annotations", decode_annotation, scan_id, page, limit)


def evidence(connection: sqlite3.Connection, scan_id: str, page: int, limit: int) -> Page[Evidence]:
    """As in ``ScanStore.evidence``."""
    return _inventory(connection, "evidence", decode_evidence, scan_id, page, limit)


def keys(connection: sqlite3.Connection) -> list[ApiKey]:
    """As in ``AccessStore.keys``."""
    return [decode_api_key(body) for (body,) in connection.execute("SELECT body FROM api_keys ORDER BY number DESC")]


def audit(connection: sqlite3.Connection, page: int, limit: int) -> Page[AuditEntry]:
    """As in ``AccessStore.audit``."""
    total = connection.execute("SELECT count(*) FROM audit").fetchone()[0]
    newest_first = "SELECT body FROM audit ORDER BY number DESC LIMIT ? OFFSET ?"
    rows = connection.execute(newest_first, (limit, (page - 1) * limit))
    return Page(tuple(decode_audit_entry(body) for (body,) in rows), page, limit, total)


_REPOSITORIES = (
    "SELECT r.body, s.id, s.created_at, s.status FROM repositories r LEFT JOIN scans s ON s.number ="
    " (SELECT number FROM scans WHERE repository_id = r.id ORDER BY created_at DESC, number DESC LIMIT 1)"
)


def repository(connection: sqlite3.Connection, repository_id: str) -> Repository:
    """As in ``ScanStore.repository``."""
    row = connection.execute(f"{_REPOSITORIES} WHERE r.id = ?", (repository_id,)).fetchone()
    if row is None:
        raise _rules.unknown_repository(repository_id)
    return _with_last_scan(*row)


def repositories(connection: sqlite3.Connection) -> list[Repository]:
    """As in ``ScanStore.repositories``."""
    rows = connection.execute(f"{_REPOSITORIES} ORDER BY r.created_at DESC, r.number DESC")
    return [_with_last_scan(*row) for row in rows]


def _with_last_scan(body: bytes, scan_id: str | None, created_at: int | None, status: str | None) -> Repository:
    kept = decode_repository(body)
    if scan_id is None or created_at is None or status is None:
        return kept
    return replace(
        kept,
        last_scan_id=scan_id,
        last_scan_at=EPOCH + timedelta(microseconds=created_at),
        last_scan_status=ScanStatus(status),
    )


def _of_scan(connection: sqlite3.Connection, sql: str, scan_id: str) -> Any:
    found = connection.execute(sql, (scan_id,)).fetchone()
    if found is None:
        raise _rules.unknown_scan(scan_id)
    return found[0]


def _inventory(
    connection: sqlite3.Connection,
    table: str,
    decode: Callable[[bytes], Row],
    scan_id: str,
    page: int,
    limit: int,
) -> Page[Row]:
    number = _of_scan(connection, "SELECT number FROM scans WHERE id = ?", scan_id)
    count = f"SELECT count(*) FROM {table} WHERE scan = ?"  # noqa: S608  one of our own tables
    total = connection.execute(count, (number,)).fetchone()[0]
    first = (page - 1) * limit  # positions run from 0 without gaps: the page is found, not counted off
    select = f"SELECT body FROM {table} WHERE scan = ? AND position >= ? ORDER BY position LIMIT ?"  # noqa: S608
    rows = connection.execute(select, (number, first, limit))
    return Page(tuple(decode(body) for (body,) in rows), page, limit, total)


def _condition(connection: sqlite3.Connection, where: ScanFilter) -> tuple[str, list[Any]]:
    """The filter as SQL with its values; only fixed text reaches the SQL."""
    terms = ["1"]
    values: list[Any] = []
    if where.status is not None:
        # Not by the index of statuses, which are few, where there is a better one.
        chosen = where.repository_ids, where.target, where.repository_id, where.requested_by
        plus = "" if chosen == (None, None, None, None) else "+"
        terms.append(f"{plus}status IN ({', '.join('?' * len(where.status))})")
        values += sorted(where.status)
    if where.repository_ids is not None:
        # As one value: there may be more of them than a statement may have placeholders.
        terms.append("repository_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(where.repository_ids)))
    if where.target is not None:
        found = [target for (target,) in connection.execute(_TARGETS, (where.target.casefold(),))]
        terms.append("target IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(found))
    for column, value in (("repository_id = ?", where.repository_id), ("requested_by = ?", where.requested_by)):
        if value is not None:
            terms.append(column)
            values.append(value)
    for column, moment in (("created_at >= ?", where.created_from), ("created_at < ?", where.created_before)):
        if moment is not None:
            terms.append(column)
            values.append(microseconds(moment))
    return " AND ".join(terms), values
