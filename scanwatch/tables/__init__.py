"""Records as pandas tables. Each table is declared once, as columns; an empty one has the same columns and types.

Timestamps are UTC and aware (``datetime64[us, UTC]``), durations ``timedelta64[us]``, counts ``Int64`` (``<NA>``: not
known), text ``string``. Closed sets of words are categories; those with an order compare (``findings.level >=
"warning"``). A word that is not in its set, from a newer gateway or another's scanner, becomes a category at the end.

``_types`` has the columns, ``_records`` the tables of what a gateway keeps, ``_lineage``, ``_coverage``,
``_comparison`` and ``_trend`` those that are worked out of it, and ``_export`` writes any of them to a file.
"""

from ._comparison import comparison_table
from ._coverage import coverage_by_requirement, coverage_by_risk, coverage_table
from ._export import write_table
from ._lineage import risks_table, traceability_table
from ._records import (
    annotations_table,
    artifacts_table,
    events_table,
    evidence_table,
    findings_table,
    repositories_table,
    scans_table,
)
from ._trend import ScanHistory, trend_table

__all__ = [
    "ScanHistory",
    "annotations_table",
    "artifacts_table",
    "comparison_table",
    "coverage_by_requirement",
    "coverage_by_risk",
    "coverage_table",
    "events_table",
    "evidence_table",
    "findings_table",
    "repositories_table",
    "risks_table",
    "scans_table",
    "traceability_table",
    "trend_table",
    "write_table",
]
