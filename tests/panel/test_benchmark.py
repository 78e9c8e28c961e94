"""What the panel's benchmark compares a page with: all that the kernel knows.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest
from IPython.lib.pretty import pretty

from benchmarks.panel.kernel import as_told, value_of


def test_a_kernel_tells_the_whole_of_a_long_list() -> None:
    told = {"status": "ok", "data": {"text/plain": pretty(eval(as_told("list(range(5000))")))}}
    assert value_of(told) == list(range(5000))
    assert "..." in pretty(list(range(5000))), "as the result of a cell it would be cut"


def test_what_a_kernel_cannot_say_is_no_value() -> None:
    told = {"status": "error", "ename": "NameError", "evalue": "name 'done' is not defined"}
    with pytest.raises(RuntimeError, match="name 'done' is not defined"):
        value_of(told)
