"""What goes on being so is said now and then, and what is new at once.

@gxp-spec SPEC-003-006 "Shared queue"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from scanwatch.jobs._saying import REMEMBERED, Saying
from tests.jobs.bench import HurryingClock


def test_the_same_is_news_again_after_a_while() -> None:
    clock = HurryingClock()
    saying = Saying(clock, again_s=60)
    told = [saying.is_news("full"), saying.is_news("full"), saying.is_news("away")]
    clock.seconds = 59
    told.append(saying.is_news("full"))
    clock.seconds = 60
    told += [saying.is_news("full"), saying.is_news("full")]
    assert told == [True, False, True, False, True, False]


def test_of_ever_new_words_only_the_last_are_remembered() -> None:
    saying = Saying(HurryingClock())
    assert all(saying.is_news(f"job {number}") for number in range(REMEMBERED + 1))
    assert not saying.is_news(f"job {REMEMBERED}")
    assert saying.is_news("job 0")
