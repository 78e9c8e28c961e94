"""A command in a terminal of its own: a pseudo-terminal of a given size, and what it has shown."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[\d;]+)m")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A process whose input, output and complaints are one terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, name="terminal")
        self._reader.start()

    @property
    def raw(self) -> str:
        """Everything written so far, control sequences included."""
        return self._shown.decode(errors="replace")

    @property
    def text(self) -> str:
        """Everything written so far, without them."""
        return CONTROL.sub("", self.raw)

    def wait_for(self, words: str, timeout_s: float = 30) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.text:
            assert time.monotonic() < deadline, f"{words!r} never showed; there was {self.text[-2000:]!r}"
            time.sleep(0.02)

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def end(self, timeout_s: float = 30) -> int:
        """Wait for the process to end; its exit code."""
        code = self._process.wait(timeout_s)
        self._reader.join(timeout_s)
        return code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._reader.join(10)
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side was closed
            while data := os.read(self._master, 65536):
                self._shown += data


@contextmanager
def terminal(*words: str, env: Mapping[str, str], columns: int = 120, lines: int = 30) -> Iterator[Terminal]:
    """``scanwatch`` with these words in a terminal of this size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    settings = {"TERM": "xterm-256color", **{name: value for name, value in env.items() if name != "COLUMNS"}}
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_SESSION_LEADER, *words], stdin=slave, stdout=slave, stderr=slave, env=settings
    )
    os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        shown.kill()


_AS_SESSION_LEADER = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from scanwatch.cli import main
sys.exit(main(sys.argv[1:]))
"""
