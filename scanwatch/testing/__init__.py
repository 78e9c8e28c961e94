"""For tests of code that uses scanwatch: a real gateway, one that misbehaves as told, a clock to turn by hand."""

from __future__ import annotations

from ._clock import FakeClock
from ._quirks import Quirks
from ._running import RunningGateway, run_gateway
from ._scripted import ScriptedGateway

__all__ = ["FakeClock", "Quirks", "RunningGateway", "ScriptedGateway", "run_gateway"]
