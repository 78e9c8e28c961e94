"""Running git: what it may do, what it inherits, how it ends, and what of its words may be shown.

A repository's own configuration may name commands (helpers of transports, hooks, file-system monitors). Every transport
but the wanted one is forbidden, objects that are not there are never fetched, and git's environment is built anew, so
that a hook's ``GIT_DIR`` cannot lead elsewhere.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from ..._credentials import without_credentials
from ...errors import ScannerError
from ...model import FailureCode
from .text import legible

READ_TIMEOUT_S = 120.0
_END_S = 0.3
"""How long git may take to end when asked to; less than the scanner's own process has."""
LAST_WORDS_S = 1.0
"""How long to listen when git has ended; a healthy one leaves nobody behind who speaks."""
_MAX_SAID = 2000
_SEE_BEFORE = "fatal: Could not read from remote repository"
_KEPT_WORDS = 64 * 1024
_PIPE_BYTES = 64 * 1024
"""As much as a pipe holds: read at once, what git says costs a third less."""
_STEP = re.compile(rb"(Counting objects|Compressing objects|Receiving objects|Resolving deltas): +(\d{1,3})%")

_ALWAYS = (
    "--no-pager",
    *("-c", "core.hooksPath=" + os.devnull),
    *("-c", "core.fsmonitor=false"),
    *("-c", "http.lowSpeedLimit=1000"),
    *("-c", "http.lowSpeedTime=60"),
)
_KEPT = frozenset(
    {
        *("GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"),
    }
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # A replacement ref would show another tree under the commit's id.
    "GIT_NO_REPLACE_OBJECTS": "1",
}


def run_git(
    *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = READ_TIMEOUT_S
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end and return what it said."""
    with git_process(*arguments, environment=environment) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise _took_too_long(timeout_s) from None
        if process.returncode < 0:
            raise killed(process.returncode)
        return subprocess.CompletedProcess([], process.returncode, out, err)


def run_git_aloud(
    *arguments: str, environment: Mapping[str, str], timeout_s: float, hear: Callable[[str, int], None]
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end, and tell ``hear``, from another thread, how far it says it is; its last words are kept."""
    listener = _Listener(hear)
    with listener, git_process(*arguments, environment=environment, stderr=listener.mouth) as process:
        listener.listen()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise _took_too_long(timeout_s) from None
    return subprocess.CompletedProcess([], process.returncode, b"", listener.said)


class _Listener:
    """Hears what git and its helpers say. A helper may hold the pipe open when git has ended: nobody waits for that."""

    def __init__(self, hear: Callable[[str, int], None]) -> None:
        self._ear, self.mouth = os.pipe()
        self._hear = hear
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.said = b""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        if self._thread.ident is None:  # git did not even start
            os.close(self.mouth)
            os.close(self._ear)
        else:
            self._thread.join(LAST_WORDS_S)

    def listen(self) -> None:
        """Begin, once git has the other end."""
        os.close(self.mouth)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while part := os.read(self._ear, 65_536):
                self.said = (self.said + part)[-_KEPT_WORDS:]
                if steps := _STEP.findall(self.said):
                    self._hear(steps[-1][0].decode("ascii").lower(), int(steps[-1][1]))
        finally:
            os.close(self._ear)


def _took_too_long(timeout_s: float) -> ScannerError:
    return ScannerError(
        f"git did not finish within {timeout_s:.0f} s. Check the disk and the network and try again.",
        code=FailureCode.TIMEOUT,
    )


def killed(returncode: int) -> ScannerError:
    """The error for a git that somebody ended: it says nothing of the repository."""
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return ScannerError(
        f"git was ended from outside ({name}) while it read. Check the memory of the worker's machine and try again.",
        code=FailureCode.INTERNAL,
    )


@contextmanager
def git_process(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stderr: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A git process that has ended on leaving, however one leaves. Its last words go nowhere unless awaited."""
    # A long-lived process (with an input of its own) has nobody to read its complaints and would block on them.
    complaints = subprocess.PIPE if stdin == subprocess.DEVNULL else subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            ["git", *_ALWAYS, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=complaints if stderr is None else stderr,
            bufsize=_PIPE_BYTES,
            env=_environment(environment or {}),
        )
    except FileNotFoundError:
        raise ScannerError("git is not installed, or not on the worker's PATH. Install git.", retryable=False) from None
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()  # first: git takes its own children and half-made clones with it
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # closing flushes what git no longer took
                pipe.close()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    # No transport at all, unless a clone names some: a repository's own settings cannot make git connect anywhere.
    return {**inherited, **_ENVIRONMENT, "GIT_ALLOW_PROTOCOL": "", **extra}


def last_line(stderr: bytes) -> str:
    """What git said at last, without its ``fatal:`` and without anybody's credentials."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    if fatal and fatal[-1].startswith(_SEE_BEFORE) and lines[0] != fatal[-1]:
        fatal = lines[: lines.index(fatal[-1])]  # which are ssh's own
    said = (fatal or lines or ["git gave no reason"])[-1][:_MAX_SAID]
    return legible(without_credentials(said.removeprefix("fatal:").strip().rstrip(".")), 300)
