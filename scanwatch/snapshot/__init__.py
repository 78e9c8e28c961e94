"""The state of a scan, and what changes it: ``_apply`` an event, ``_confirm`` a read of the gateway's record. Pure."""

from __future__ import annotations

from ._apply import (
    PHASE_RANGES,
    Snapshot,
    apply,
    apply_all,
    eta_s,
    missing_before,
    new_snapshot,
    percent_at,
    percent_done,
    phase_at,
    phase_share,
)
from ._confirm import confirm, suspect, to_record

__all__ = [
    "PHASE_RANGES",
    "Snapshot",
    "apply",
    "apply_all",
    "confirm",
    "eta_s",
    "missing_before",
    "new_snapshot",
    "percent_at",
    "percent_done",
    "phase_at",
    "phase_share",
    "suspect",
    "to_record",
]
