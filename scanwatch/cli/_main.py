"""From the words of a command line to an exit code, whatever goes wrong on the way."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys

from ..errors import ScanwatchError
from ._exit import Exit, of_error
from ._parser import make_parser, refuse_misspelt_command

DEBUG_VARIABLE = "SCANWATCH_DEBUG"

_OUTPUT_FAILS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
"""What writing to standard output may end with; it is the one thing we write that has no name."""


def run(words: list[str]) -> int:
    """Run one command and return its exit code."""
    _open_what_is_closed()
    _write_in_escapes_what_cannot_be_encoded()
    try:
        try:
            refuse_misspelt_command(words)
            return _run(make_parser().parse_args(words))
        finally:
            sys.stdout.flush()  # here, where what goes wrong can still be said
    except ScanwatchError as error:
        return _complain(str(error), of_error(error))
    except BrokenPipeError:
        _let_go_of_output()  # whoever read it has had enough
        return Exit.FAILED
    except OSError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _complain(_refusal(error), Exit.WRONG_USE)
    except ModuleNotFoundError:
        raise  # said by our caller, who needs none
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
    if arguments.command == "worker":
        from ._worker import worker

        return worker(arguments)
    if arguments.command == "demo":
        from ._demo import demo

        return demo(arguments)
    if arguments.command == "token":
        from ._tokens import token

        return token(arguments)
    if arguments.command == "doctor":
        from ._doctor import doctor

        return doctor(arguments)
    from ._scans import cancel, replay, scan, watch

    return {"scan": scan, "watch": watch, "cancel": cancel, "replay": replay}[arguments.command](arguments)


def _open_what_is_closed() -> None:
    """Where a shell closed an output (``>&-``), what is said goes nowhere; the exit code still tells how it ended."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 for as long as we run


def _write_in_escapes_what_cannot_be_encoded() -> None:
    """A name in letters that a terminal or pipe has no bytes for is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refusal(error: OSError) -> str:
    """What the operating system would not do."""
    why = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename} cannot be used: {why}. Check the path, and what this account may do there."
    if error.errno in _OUTPUT_FAILS:
        _let_go_of_output()
        return f"The output cannot be written: {why}. Send it elsewhere, or make room there."
    return f"The operating system refuses: {why}."


def _let_go_of_output() -> None:
    """Send what is still buffered nowhere: it must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, code: Exit) -> int:
    sys.stderr.write(f"scanwatch: {message}\n")
    return code
