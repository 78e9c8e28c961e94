"""Whatever is dropped, doubled, delayed, reordered or retried, a session ends with the truth, and nothing is invented.

The model of both kinds of gateway, and what must hold after each step, is in ``_machines``.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from scanwatch.model import TERMINAL
from tests.client._machines import FieldGateway, Machine, OurGateway

QUICK = settings(max_examples=30, stateful_step_count=30, deadline=None)
LONG = settings(max_examples=500, stateful_step_count=60, deadline=None)
MACHINES = [OurGateway, FieldGateway]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_session_ends_with_the_truth_of_the_last_read(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=QUICK)  # type: ignore[no-untyped-call]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_session_ends_with_the_truth_after_many_and_long_stories_too(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=LONG)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("_watched.Watched._is_final", lambda _, row, __: row.status in TERMINAL),  # the first failure is the end
        ("_watched.insort_right", lambda events, event, key: events.extend([event, event])),  # all is kept twice
        ("_pace.SILENT_EVERY_S", 0.7),
    ],
)
def test_the_model_finds_a_session_out_that_does_wrong(
    part: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"scanwatch.client.{part}", wrong)
    once = settings(QUICK, max_examples=200, phases=[Phase.generate], derandomize=True, database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(FieldGateway, settings=once)  # type: ignore[no-untyped-call]
