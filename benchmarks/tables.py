"""How long a million events take to become a table, beside ``pd.DataFrame(list_of_dicts)`` of the same events.

Run it with ``python benchmarks/tables.py [EVENTS]``. All start from the same objects in memory; the best of three
runs counts, in seconds of processor time. The goal is 0.2 of the time with the dictionaries given; as nobody is
given dictionaries, the time with their making is told too.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd

from scanwatch.model import WORK_PHASES, Event, EventKind
from scanwatch.tables import events_table

COLUMNS = (
    *("seq", "time", "kind", "phase", "progress_percent", "attempt", "message"),
    *("files_processed", "total_files", "current_file", "artifacts_found"),
)


def make_events(count: int) -> list[Event]:
    """Events like a long scan's: every field set, no two alike."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Event(
            scan_id="b1a5c4f0-0000-4000-8000-000000000000",
            kind=EventKind.PROGRESS,
            time=start + timedelta(milliseconds=10 * number),
            seq=number + 1,
            phase=WORK_PHASES[number * len(WORK_PHASES) // count],
            progress_percent=number * 99 // count,
            attempt=1,
            message=f"file {number} read",
            files_processed=number,
            total_files=count,
            current_file=f".gxp/specs/SPEC-{number:07}.md",
            artifacts_found=number // 3,
        )
        for number in range(count)
    ]


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of ``runs``."""
    seconds = []
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def main() -> None:
    """Measure both and print the ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    events = make_events(count)
    ours = best_of(3, lambda: events_table(events))
    dicts = _dicts(events)
    given = best_of(3, lambda: pd.DataFrame(dicts))
    dicts = []
    made = best_of(3, lambda: pd.DataFrame(_dicts(events)))
    print(f"{count} events, pandas {pd.__version__}")
    print(f"events_table                          {ours:6.2f} s")
    print(f"pd.DataFrame(list_of_dicts)           {given:6.2f} s, ratio {ours / given:.2f}")
    print(f"making the dictionaries and the frame {made:6.2f} s, ratio {ours / made:.2f}")


def _dicts(events: list[Event]) -> list[dict[str, object]]:
    return [{name: getattr(event, name) for name in COLUMNS} for event in events]


if __name__ == "__main__":
    main()
