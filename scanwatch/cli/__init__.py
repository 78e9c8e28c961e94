"""The command line: one function a command, which parses and delegates; the exit code says how the scan ended."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ..errors import ScanwatchError
from ._exit import Exit, of_error
from ._parser import make_parser, refuse_misspelt_command

DEBUG_VARIABLE = "SCANWATCH_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing a user can do shows a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        refuse_misspelt_command(words)
        return _run(make_parser().parse_args(words))
    except ScanwatchError as error:
        return _complain(str(error), of_error(error))
    except BrokenPipeError:
        # Whoever read our output has had enough; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except KeyboardInterrupt:
        return _complain("interrupted.", Exit.INTERRUPTED)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        words_of_it = f"{type(error).__name__}: {error}"
        return _complain(f"{words_of_it}. This is a fault of scanwatch; {DEBUG_VARIABLE}=1 shows where.", Exit.FAILED)


def _run(arguments: argparse.Namespace) -> int:
    """Hand over to the command, and load no more than it needs."""
    if arguments.command == "serve":
        from ._serve import serve

        return serve(arguments)
    if arguments.command == "demo":
        from ._demo import demo

        return demo(arguments)
    if arguments.command == "token":
        from ._tokens import token

        return token(arguments)
    from ._scans import scan, watch

    return scan(arguments) if arguments.command == "scan" else watch(arguments)


def _complain(message: str, code: Exit) -> int:
    sys.stderr.write(f"scanwatch: {message}\n")
    return code


__all__ = ["main"]
