"""Strangers' scanners that are not as they should be."""

from __future__ import annotations

from tests.scanners.blocking import Steady


class Pretender(Steady):
    """Takes ``pretend://`` and would like ``sim://``."""

    schemes = ("sim", "pretend")


class Letters(Steady):
    """Its schemes are one word where a tuple belongs."""

    schemes = "letters"  # type: ignore[assignment]  # wrong on purpose


class Idle:
    """Has a scheme, and no ``scan``."""

    schemes = ("idle",)
