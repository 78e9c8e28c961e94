"""The environment variables: those that are not known, and values that cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from .._worker import WORKER_OPTIONS
from ..errors import ScanwatchError
from ..gateway import OPTIONS, gather
from ..panel._display import block_limit_s, display_mode
from ..scanners._simulated_options import speed
from ..scanners.repository.clones import limit_bytes
from ._check import Check, State

TOPIC = "Environment"
PREFIX = "SCANWATCH_"
KNOWN = {
    "SCANWATCH_URL": "the gateway that connect() uses",
    "SCANWATCH_TOKEN": "the token it shows; of a gateway, the token it asks for",
    "SCANWATCH_HOME": "where your own gateway keeps its scans",
    "SCANWATCH_DISPLAY": "how panels are shown",
    "SCANWATCH_BLOCK": "whether showing a panel waits",
    "SCANWATCH_CACHE": "where scans remember what they have read",
    "SCANWATCH_CLONES_MB": "how much copies of remote repositories may hold",
    "SCANWATCH_EVIDENCE_KEYS": "the keys that evidence is verified with",
    "SCANWATCH_SIM_SPEED": "how much faster simulated scans run",
    "SCANWATCH_DEBUG": "whether a fault of a command shows its traceback",
    "SCANWATCH_REQUIRE_ALL": "whether the tests of scanwatch fail where they would skip",
}
"""Variables that are no option of a gateway or a worker."""


_READ: dict[str, Callable[[Mapping[str, str]], object]] = {
    "display": display_mode,
    "waiting": block_limit_s,
    "simulation": speed,
    "copies": limit_bytes,
    "serving": lambda environment: gather(OPTIONS, flags={}, environment=environment, file=None),
    "working": lambda environment: gather(WORKER_OPTIONS, flags={}, environment=environment, file=None),
}
"""Those who read values that can be wrong, by what they are for."""


def check_environment(environment: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Every variable of ours that is set, by name; never its value, which may be a secret."""
    known = {**KNOWN, **{option.variable: option.words for option in (*OPTIONS, *WORKER_OPTIONS)}}
    ours = sorted(name for name in environment if name.startswith(PREFIX))
    for name in ours:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]}?" if close else "unset it"
            yield Check(TOPIC, name, State.WRONG, "is set, and nothing reads it", remedy)
    for subject, read in _READ.items():
        try:
            read(environment)
        except ScanwatchError as error:
            yield Check(TOPIC, subject, State.WRONG, str(error))
    names = [name for name in ours if name in known]
    yield Check(TOPIC, "variables", State.OK, f"set: {', '.join(names)}" if names else "none of ours is set")
