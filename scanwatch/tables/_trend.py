"""How the scans of a repository went over time, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from ..model import WORK_PHASES, Artifact, Event, Evidence, Phase, ScanRecord, ScanStatus
from ._lineage import traceability_table
from ._records import duration_s
from ._types import COUNT, DURATION, SHARE, STATUS, TEXT, TIME, Column, Values, listed, table, text

TREND = (
    Column("created_at", TIME, "when the scan was accepted"),
    Column("status", STATUS, "where it stands"),
    Column("commit", TEXT, "the commit it read"),
    Column("duration", DURATION, "from the first attempt's start to the end"),
    *(Column(phase.value, DURATION, f"time in the phase {phase.value}, of all attempts") for phase in WORK_PHASES),
    Column("attempts", COUNT, "attempts, in number"),
    Column("error_class", TEXT, "the class of its failure; empty once completed"),
    Column("artifacts", COUNT, "artifacts found, in number"),
    Column("findings", COUNT, "findings, in number"),
    Column("designed", SHARE, "specs on a path from a requirement, of all specs, 0-1"),
    Column("verified", SHARE, "specs verified by evidence, of all specs, 0-1"),
)


@dataclass(frozen=True, slots=True)
class ScanHistory:
    """A scan, its events, and what it found as far as it completed."""

    record: ScanRecord
    events: Sequence[Event] = ()
    artifacts: Sequence[Artifact] = ()
    evidence: Sequence[Evidence] = ()


@listed(TREND)
def trend_table(histories: Iterable[ScanHistory]) -> pd.DataFrame:
    """The scans of a repository, one row each, the oldest first; the index ``scan_id`` holds their ids."""
    rows = sorted(histories, key=lambda history: history.record.created_at)
    records = [history.record for history in rows]
    times = [_phase_times(history.events) for history in rows]
    shares = [_shares(history) for history in rows]
    own: dict[str, Values] = {
        **{phase.value: [spent.get(phase) for spent in times] for phase in WORK_PHASES},
        "duration": [duration_s(record) for record in records],
        "attempts": [record.attempt for record in records],
        "error_class": [None if record.status is ScanStatus.COMPLETED else record.code for record in records],
        "designed": [designed for designed, _ in shares],
        "verified": [verified for _, verified in shares],
    }
    made = table(TREND, records, own)
    return made.set_index(pd.Index(text([record.id for record in records]), name="scan_id"))


def _phase_times(events: Sequence[Event]) -> Mapping[Phase, float]:
    """Seconds in each phase: from each event to the next one."""
    spent: dict[Phase, float] = {}
    for event, following in pairwise(events):
        if event.phase is not None:
            seconds = max(0.0, (following.time - event.time).total_seconds())
            spent[event.phase] = spent.get(event.phase, 0.0) + seconds
    return spent


def _shares(history: ScanHistory) -> tuple[float | None, float | None]:
    paths = traceability_table(history.artifacts, history.evidence).dropna(subset=["spec"])
    if paths.empty:
        return None, None
    by_spec = paths.groupby("spec")[["designed", "verified"]].any()
    return float(by_spec["designed"].mean()), float(by_spec["verified"].mean())
