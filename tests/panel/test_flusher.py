"""The flusher: one thread, on time, weak, and gone when nobody needs it.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import contextvars
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from scanwatch.panel._flusher import Flusher

Eventually = Callable[[Callable[[], object]], None]
CELL = contextvars.ContextVar("CELL", default="none")


class Counted:
    """Counts its flushes and notes where they ran; again is what each flush returns, once."""

    def __init__(self, *again: float) -> None:
        self.again = list(again)
        self.flushes: list[tuple[str, str]] = []

    def flush(self) -> float | None:
        self.flushes.append((threading.current_thread().name, CELL.get()))
        return self.again.pop(0) if self.again else None


class Broken(Counted):
    def flush(self) -> float | None:
        super().flush()
        raise RuntimeError("no front end")


@pytest.fixture
def flusher() -> Iterator[Flusher]:
    flusher = Flusher(idle_s=0.05)
    yield flusher
    flusher.stop()


def test_what_is_marked_is_flushed_on_the_flushers_thread(flusher: Flusher, eventually: Eventually) -> None:
    one = Counted()
    flusher.mark(one, 0.0)
    eventually(lambda: one.flushes)
    assert one.flushes[0][0] == "scanwatch-panels"


def test_the_thread_carries_nothing_of_the_cell_that_started_it(flusher: Flusher, eventually: Eventually) -> None:
    one = Counted()
    CELL.set("cell 3")
    flusher.mark(one, 0.0)
    eventually(lambda: one.flushes)
    assert one.flushes[0][1] == "none"


def test_a_flush_that_asks_for_another_gets_it(flusher: Flusher, eventually: Eventually) -> None:
    one = Counted(0.0, time.monotonic() + 0.02)
    flusher.mark(one, 0.0)
    eventually(lambda: len(one.flushes) == 3)


def test_marks_before_the_time_are_one_flush(flusher: Flusher, eventually: Eventually) -> None:
    one = Counted()
    soon = time.monotonic() + 0.03
    for _ in range(100):
        flusher.mark(one, soon)
    eventually(lambda: one.flushes)
    assert len(one.flushes) == 1


def test_one_panels_trouble_does_not_stop_the_others(
    flusher: Flusher, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    broken, one = Broken(), Counted()
    flusher.mark(broken, 0.0)
    eventually(lambda: broken.flushes)
    flusher.mark(one, 0.0)
    eventually(lambda: one.flushes)
    assert "could not be updated" in caplog.text


def test_the_thread_ends_when_nothing_changes_and_starts_again(flusher: Flusher, eventually: Eventually) -> None:
    one = Counted()
    flusher.mark(one, 0.0)
    eventually(lambda: one.flushes and not flusher.running)
    flusher.mark(one, 0.0)
    eventually(lambda: len(one.flushes) == 2)


def test_the_thread_ends_with_the_last_panel(eventually: Eventually) -> None:
    flusher = Flusher(idle_s=60)
    one = Counted()
    flusher.mark(one, 0.0)
    eventually(lambda: one.flushes)
    flusher.forget(one)
    eventually(lambda: not flusher.running)


def test_nothing_is_kept_alive(flusher: Flusher) -> None:
    one = Counted()
    flusher.mark(one, time.monotonic() + 60)
    reference = weakref.ref(one)
    del one
    gc.collect()
    assert reference() is None


def test_a_stopped_flusher_takes_no_more_marks(flusher: Flusher) -> None:
    flusher.stop()
    flusher.mark(Counted(), 0.0)
    assert not flusher.running


def test_who_is_forgotten_during_its_flush_is_not_flushed_again(flusher: Flusher, eventually: Eventually) -> None:
    class Closing(Counted):
        def flush(self) -> float | None:
            flusher.forget(self)
            return super().flush()

    closing = Closing(0.0)
    flusher.mark(closing, 0.0)
    eventually(lambda: closing.flushes)
    eventually(lambda: not flusher.running)
    assert len(closing.flushes) == 1
