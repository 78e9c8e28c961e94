"""The child process in which a local gateway runs."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from ..gateway import OPTIONS

READY = "Gateway ready at "
"""How the one line begins that ``scanwatch serve`` prints when it listens; the rest is the URL."""

STOP_TIMEOUT_S = 10.0

_LAST_WORDS = 2000
# The environment configures a gateway that somebody runs for others; ours has its own address, store and token.
_UNINHERITED = {"SCANWATCH_URL", *(option.variable for option in OPTIONS)}
if sys.platform == "win32":
    _APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _APART = 0

children: dict[int, Child] = {}
"""The gateways this process started and that live, by pid: they live on when the object that started one is gone."""


class Child:
    """A gateway process, apart from our terminal and our interrupts; its first line comes through a pipe.

    Args:
        shared: whether it lives on when this process ends; otherwise it ends with its standard input.
    """

    def __init__(self, options: list[str], token: str, *, shared: bool, log: IO[str]) -> None:
        command = [sys.executable, "-m", "scanwatch", "serve", "--port", "0", *options]
        if not shared:
            command.append("--until-stdin-closes")
        environment = {name: value for name, value in os.environ.items() if name not in _UNINHERITED}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if shared else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**environment, "SCANWATCH_TOKEN": token},
            text=True,
            start_new_session=True,
            creationflags=_APART,
        )
        self.pid = self._process.pid
        self._first_line = ""
        self._said = threading.Event()
        children[self.pid] = self
        threading.Thread(target=self._tend, name="scanwatch-gateway", daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """How it ended; ``None`` while it runs."""
        return self._process.poll()

    def ready_url(self, timeout_s: float) -> str | None:
        """The URL it prints when it listens; ``None`` if it ends or the time runs out before."""
        self._said.wait(max(0.0, timeout_s))
        if self._first_line.startswith(READY):
            return self._first_line.removeprefix(READY).strip()
        if self._said.is_set():  # it has closed its output, so it ends
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)
        return None

    def end(self) -> None:
        """Ask it to end, by its standard input where it listens to it; insist when it does not."""
        if self._process.stdin is not None:
            self._close_stdin()
        else:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def disown(self) -> None:
        """Forget that it is ours without ending it: in a fork, or when this process ends before it."""
        self._close_stdin()
        # Nobody will wait for it here any more; else the object complains on its own end that it was not waited for.
        self._process.returncode = self._process.returncode or 0

    def _close_stdin(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _tend(self) -> None:
        """Read its first line, then wait for its end, whoever ends it: a child not waited for stays as a zombie."""
        assert self._process.stdout is not None
        with self._process.stdout as output, contextlib.suppress(ValueError):
            self._first_line = output.readline()
        self._said.set()
        self._process.wait()
        if children.get(self.pid) is self:
            del children[self.pid]


def last_words(log: Path, said_before: int) -> str:
    """The end of what a child wrote to its log since there were so many bytes in it."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(said_before)
        words = file.read().decode("utf-8", "replace").strip()
        return words[-_LAST_WORDS:] or "none."
    return "none."


@atexit.register
def _disown_all() -> None:
    for child in list(children.values()):
        child.disown()
    children.clear()


if hasattr(os, "register_at_fork"):
    # A fork is nobody's parent, and holds copies of the pipes whose closing tells a gateway that its parent has ended.
    os.register_at_fork(after_in_child=_disown_all)
