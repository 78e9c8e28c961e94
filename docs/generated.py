"""Writes into the pages what the code says by itself, when the documentation is built: it cannot be out of date."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

from scanwatch._doctor import EXTRAS
from scanwatch._worker import WORKER_OPTIONS
from scanwatch.gateway import OPTIONS
from scanwatch.gateway._contracts import as_markdown, asyncapi, openapi
from scanwatch.gateway._options import table
from scanwatch.gateway._surface import operations
from scanwatch.scanners.repository.rules import RULES
from scanwatch.scanners.repository.source.languages import LANGUAGES
from scanwatch.scanners.repository.source.selection import EXCLUDED
from scanwatch.tables import _comparison, _coverage, _lineage, _records, _trend

_TABLES = (
    ("client.scans()", _records.scans_table, _records.SCANS),
    ("client.repositories()", _records.repositories_table, _records.REPOSITORIES),
    ("client.trend(repository)", _trend.trend_table, _trend.TREND),
    ("scan.events()", _records.events_table, _records.EVENTS),
    ("scan.artifacts()", _records.artifacts_table, _records.ARTIFACTS),
    ("scan.annotations()", _records.annotations_table, _records.ANNOTATIONS),
    ("scan.evidence()", _records.evidence_table, _records.EVIDENCE),
    ("scan.findings()", _records.findings_table, _records.FINDINGS),
    ("scan.traceability()", _lineage.traceability_table, _lineage.TRACEABILITY),
    ("scan.coverage()", _coverage.coverage_by_risk, _coverage.COVERAGE),
    ('scan.coverage(by="requirement")', _coverage.coverage_by_requirement, _coverage.COVERAGE_OF_REQUIREMENTS),
    ("scan.risks()", _lineage.risks_table, _lineage.RISKS),
    ("scan.compare(other)", _comparison.comparison_table, _comparison.COMPARISON),
)


def _rules() -> str:
    rows = [f"| `{rule.id}` | {rule.level} | {rule.sentence} | {rule.why} | {rule.remedy} |" for rule in RULES]
    head = ["| rule | level | what should be so | why | where it is not |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def _languages() -> str:
    rows = [f"| {one.name} | {' '.join(f'`{name}`' for name in (*one.suffixes, *one.files))} |" for one in LANGUAGES]
    return "\n".join(["| language | files |", "| --- | --- |", *rows])


def _tables() -> str:
    sections = []
    for call, build, columns in _TABLES:
        said = (build.__doc__ or "").partition("\n\n    Columns:")[0]
        rows = [f"| `{column.name}` | {column.type.name} | {column.meaning} |" for column in columns]
        head = ["| column | type | meaning |", "| --- | --- | --- |"]
        sections.append("\n".join([f"## `{call}`", "", textwrap.dedent(f"    {said}"), "", *head, *rows, ""]))
    return "\n".join(sections)


def _extras() -> str:
    rows = [f"| `scanwatch[{name}]` | to {purpose} |" for name, purpose in EXTRAS.items()]
    return "\n".join(["| extra | what it is for |", "| --- | --- |", *rows])


_MARKS = {
    "<!-- extras -->": _extras,
    "<!-- options -->": lambda: table(OPTIONS),
    "<!-- worker options -->": lambda: table(WORKER_OPTIONS),
    "<!-- operations -->": lambda: as_markdown(operations()),
    "<!-- rules -->": _rules,
    "<!-- tables -->": _tables,
    "<!-- languages -->": _languages,
    "<!-- exclusions -->": lambda: " ".join(f"`{pattern}`" for pattern in EXCLUDED),
}


_ROLE = re.compile(r":(?:class|func|meth|data|attr|mod|exc):(?=<code>)")


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs with each page as HTML: what docstrings write in Sphinx's way, without its marks."""
    return _ROLE.sub("", html).replace("<p>::</p>\n", "")


def on_post_build(config: Any, **_: Any) -> None:
    """Called by mkdocs at the end: the two contracts, as gateways serve them, go beside the pages."""
    for name, document in {"openapi.json": openapi(operations()), "asyncapi.json": asyncapi()}.items():
        (Path(config.site_dir) / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    for mark, write in _MARKS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    return markdown
