"""A scanner may refuse a task before it is accepted; one that cannot tell is left in peace.

@gxp-spec SPEC-004-001 "Scanner contract"
@trace US-004-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest

from scanwatch.errors import ScannerError, UnknownTarget, UsageError
from scanwatch.model import ScanOutcome
from scanwatch.scanners import Report, Task, _checking, check_task


class Plain:
    schemes: ClassVar[tuple[str, ...]] = ("plain",)

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        raise NotImplementedError


class Choosy(Plain):
    def check(self, task: Task) -> None:
        if "colour" in task.options:
            raise ScannerError("There is no option 'colour'.")


class Broken(Plain):
    def check(self, task: Task) -> None:
        raise KeyError("oh")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(scanner: type[Plain]) -> None:
        monkeypatch.setattr(_checking, "scanner_for", lambda _target: scanner)

    return install


def test_a_scanner_without_a_check_takes_every_task(installed: Any) -> None:
    installed(Plain)
    check_task(Task("1", "plain://x", {"colour": "red"}))


def test_a_scanners_refusal_is_told_in_its_words(installed: Any) -> None:
    installed(Choosy)
    check_task(Task("1", "plain://x"))
    with pytest.raises(UsageError, match="no option 'colour'"):
        check_task(Task("1", "plain://x", {"colour": "red"}))


def test_a_check_that_breaks_is_logged_and_stops_nothing(installed: Any, caplog: pytest.LogCaptureFixture) -> None:
    installed(Broken)
    check_task(Task("1", "plain://x"))
    assert [(record.levelno, "Broken" in record.getMessage()) for record in caplog.records] == [(logging.ERROR, True)]


def test_a_target_nobody_takes_is_unknown() -> None:
    with pytest.raises(UnknownTarget):
        check_task(Task("1", "simm://x"))
