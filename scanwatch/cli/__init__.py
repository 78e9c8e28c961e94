"""The command line: one function a command, which parses and delegates; the exit code says how the scan ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

WRONG_USE, INTERRUPTED = 2, 130
"""As in ``_exit``, which cannot be loaded without the packages that we need."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing a user can do shows a traceback."""
    try:
        if argv is None:
            from ._secrets import hide_typed_secrets

            hide_typed_secrets(sys.argv[1:])
        from ._main import run  # here, because even loading takes long enough to be interrupted

        return run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        sys.stderr.write("scanwatch: interrupted.\n")
        return INTERRUPTED
    except ModuleNotFoundError as error:
        from ._missing import explain

        sys.stderr.write(f"scanwatch: {explain(error)}\n")
        return WRONG_USE
