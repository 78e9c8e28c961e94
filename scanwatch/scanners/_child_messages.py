"""What a worker and the child process of a blocking scanner say to each other: one JSON object a line.

::

    worker -> child   Order                        once; then the pipe stays open for as long as the worker lives
    child -> worker   Told*  Rows*  Done           or Broke in place of Rows and Done
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..model import Annotation, Artifact, Evidence, Finding, Progress

ROWS_IN_A_LINE = 200


class Order(msgspec.Struct, frozen=True):
    """What to scan and with which class; ``path`` is the worker's ``sys.path``, so that both import alike."""

    module: str
    qualname: str
    path: list[str]
    scan_id: str
    target: str
    options: dict[str, Any]
    attempt: int
    report_interval_s: float


class Told(msgspec.Struct, frozen=True, tag="told"):
    """The scanner reported."""

    progress: Progress


class Rows(msgspec.Struct, frozen=True, tag="rows", omit_defaults=True):
    """A part of the outcome."""

    artifacts: list[Artifact] = []
    findings: list[Finding] = []
    annotations: list[Annotation] = []
    evidence: list[Evidence] = []


class Done(msgspec.Struct, frozen=True, tag="done"):
    """All rows were sent; the scanner is done."""

    files: int | None = None
    commit: str | None = None
    dialects: tuple[str, ...] = ()


class Broke(msgspec.Struct, frozen=True, tag="broke"):
    """The scanner raised; ``trace`` is for the log, never for users."""

    error: str
    code: str
    retryable: bool
    trace: str | None = None


Answer = Told | Rows | Done | Broke
