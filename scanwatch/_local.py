"""A gateway of one's own: ``scanwatch serve`` as a child process, on the loopback interface, behind a random token.

It is a process and not a thread, so that a busy kernel cannot stall it. A store's file has one owner; whoever wants
the same store joins the owner through its *discovery file*, which lies beside the store, can be read by its user
alone, and is believed only after the gateway it names has answered to the token it holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .errors import ConfigurationError, GatewayUnreachable
from .gateway import OPTIONS
from .wire import paths

READY = "Gateway ready at "
"""How the one line begins that ``scanwatch serve`` prints when it listens; the rest is the URL."""

IDLE_TIMEOUT_S = 600.0
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
MEMORY = "memory:"

_PROBE_TIMEOUT_S = 2.0
_LAST_WORDS = 2000
_WRONG_CONFIGURATION = 2  # the exit code of ``scanwatch serve``
_PAUSE_S = 0.05
_FILE_SCHEME = "sqlite:///"
# The environment configures a gateway that somebody runs for others; ours has its own address, store and token.
_UNINHERITED = {"SCANWATCH_URL", *(option.variable for option in OPTIONS)}
if sys.platform == "win32":
    _APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _APART = 0


_children: dict[int, subprocess.Popen[str]] = {}
"""The gateways this process started, by pid: they live on when the object that started them is forgotten."""


def home() -> Path:
    """Where scanwatch keeps what belongs to this user: ``SCANWATCH_HOME``, else the platform's place for data."""
    chosen = os.environ.get("SCANWATCH_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("scanwatch", appauthor=False))


def default_store() -> str:
    """The store of a local gateway that was told of none: ``scans.db`` in :func:`home`."""
    return f"{_FILE_SCHEME}{home() / 'scans.db'}"


def store_file(store: str) -> Path | None:
    """The file behind a store's URL; ``None`` for a store that is no file."""
    if not store.startswith(_FILE_SCHEME):
        return None
    return Path(store.removeprefix(_FILE_SCHEME)).absolute()


def make_room(store: str) -> None:
    """Make the default store's folder if it is not there yet; any other is the user's to make.

    Raises:
        ConfigurationError: the store's folder is not there, or cannot be made.
    """
    path = store_file(store)
    if path is None:
        return
    if store == default_store():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {path.parent} cannot be made: {error.strerror}. "
                "Set SCANWATCH_HOME to a folder this account may write to."
            ) from None
    if not os.path.isdir(path.parent):
        raise ConfigurationError(
            f"The store {store} lies in {path.parent}, which does not exist; make that folder first."
        )


@dataclass(frozen=True, slots=True)
class Discovery:
    """How to reach the gateway that owns a store."""

    url: str
    token: str | None
    pid: int

    def __repr__(self) -> str:
        return f"Discovery(url={self.url!r}, pid={self.pid})"


def discovery_file(store: str) -> Path | None:
    """Where the owner of ``store`` says how to reach it; ``None`` for a store that is no file."""
    path = store_file(store)
    return None if path is None else path.with_name(f"{path.name}.gateway.json")


@contextlib.contextmanager
def announced(store: str, url: str, token: str | None) -> Iterator[None]:
    """Tell whoever may read our files that this process serves ``store`` at ``url``, for as long as it does."""
    path = discovery_file(store)
    if path is None:
        yield
        return
    ours = json.dumps({"url": url, "token": token, "pid": os.getpid()})
    _write_private(path, ours)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == ours:
                path.unlink()


def _write_private(path: Path, text: str) -> None:
    """Replace ``path`` in one step by a file that nobody else could open at any moment."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def discover(store: str) -> Discovery | None:
    """The living gateway that owns ``store``; ``None`` if there is none, or only the file of a dead one."""
    path = discovery_file(store)
    if path is None:
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = Discovery(str(said["url"]), said["token"], int(said["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _answers(found) else None


def _answers(gateway: Discovery) -> bool:
    """Whether a gateway answers there, and to this token."""
    if not gateway.url.startswith("http://"):
        return False
    headers = {} if gateway.token is None else {"Authorization": f"Bearer {gateway.token}"}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in (paths.health, paths.repositories):
        asked = urllib.request.Request(f"{gateway.url}/{path}", headers=headers)  # noqa: S310 checked to be http
        try:
            with direct.open(asked, timeout=_PROBE_TIMEOUT_S):
                pass
        except (OSError, ValueError):
            return False
    return True


class LocalGateway:
    """A gateway on this machine, started or joined; it is there when the constructor returns.

    Args:
        store: where scans are kept: a path, ``sqlite:///...``, or ``memory:``. By default one file for each user.
        shared: whether it may outlive this process, to be joined by the next (a kernel that was restarted finds its
            scans again). ``False``: it ends with this process.
        token: what a client must know; by default a random one.
        concurrency: scans that run at once; ``None`` leaves it to ``scanwatch serve``, as with the two below.
        attempts: how often a scan is tried.
        backoff_s: seconds before the second attempt.
        idle_timeout_s: seconds without a client and without a scan after which it ends by itself.
        start_timeout_s: seconds it is given to start.

    Raises:
        GatewayUnreachable: it did not start; the message ends with its last words.
        ConfigurationError: an argument cannot be used (the message ends with the gateway's own words), the store's
            folder does not exist, or its owner was started with another token.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        shared: bool = True,
        token: str | None = None,
        concurrency: int | None = None,
        attempts: int | None = None,
        backoff_s: float | None = None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.store = _as_url(store)
        self.joined = True
        """Whether the gateway was there already."""
        self._log: Path | None = None
        options = _options(concurrency=concurrency, attempts=attempts, backoff=backoff_s, idle_timeout=idle_timeout_s)
        found = discover(self.store) or self._start(options, token, shared, time.monotonic() + start_timeout_s)
        if token is not None and found.token != token:
            raise ConfigurationError(
                f"The store {self.store} is owned by the gateway at {found.url}, which was started with another "
                "token. Leave the token out to join it, or choose another store."
            )
        self.url = found.url
        self.token = found.token
        self._pid = found.pid

    def stop(self) -> None:
        """End the gateway, wherever it was started from; its running scans go on when their store is served again.

        Harmless when it has ended already.
        """
        child = _children.pop(self._pid, None)
        if child is not None:
            _end(child)
        else:
            _end_joined(self.store, self._pid)
        if self._log is not None and store_file(self.store) is None:
            self._log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the gateway if this object started it; one that was joined is left to its other users."""
        if not self.joined:
            self.stop()

    def __repr__(self) -> str:
        return "<LocalGateway>"

    def _start(self, options: list[str], token: str | None, shared: bool, deadline: float) -> Discovery:
        """Start the child; when somebody else was quicker to own the store, join them."""
        secret = token or secrets.token_urlsafe(24)
        log, said_before = _open_log(self.store)
        with log:
            process = _spawn([*options, "--store", self.store], secret, shared, log)
        path = Path(log.name)
        url = _ready_url(process, deadline)
        if url is not None:
            self.joined, self._log = False, path
            _children[process.pid] = process
            return Discovery(url, secret, process.pid)
        ran_out = process.poll() is None
        _end(process)
        words = _last_words(path, said_before)
        if store_file(self.store) is None:
            path.unlink(missing_ok=True)
        elif not ran_out and (owner := _await_owner(self.store, deadline)) is not None:
            return owner
        if process.returncode == _WRONG_CONFIGURATION:
            raise ConfigurationError(f"The local gateway on {self.store} did not start. It said: {words}")
        what = "did not get ready in time" if ran_out else f"ended at once (exit code {process.returncode})"
        raise GatewayUnreachable(f"The local gateway on {self.store} {what}. Its last words: {words}")


def _as_url(store: str | os.PathLike[str] | None) -> str:
    if store is None:
        return default_store()
    text = os.fspath(store)
    if text == MEMORY or "://" in text:
        return text
    return f"{_FILE_SCHEME}{Path(text).expanduser().absolute()}"


def _options(**options: float | None) -> list[str]:
    given = {name: value for name, value in options.items() if value is not None}
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", f"{value:g}")]


def _open_log(store: str) -> tuple[IO[str], int]:
    """Where the child's standard error goes (it may outlive us, so not into a pipe), and how much is there already."""
    path = store_file(store)
    if path is None:
        descriptor, _name = tempfile.mkstemp(prefix="scanwatch-", suffix=".log")
        os.close(descriptor)
        return Path(_name).open("a", encoding="utf-8"), 0
    make_room(store)
    log = path.with_name(f"{path.name}.log").open("a", encoding="utf-8")
    return log, log.tell()


def _spawn(options: list[str], token: str, shared: bool, log: IO[str]) -> subprocess.Popen[str]:
    """The child: apart from our terminal and our interrupts; its first line comes through a pipe."""
    command = [sys.executable, "-m", "scanwatch", "serve", "--port", "0", *options]
    if not shared:
        command.append("--until-stdin-closes")
    environment = {name: value for name, value in os.environ.items() if name not in _UNINHERITED}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if shared else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**environment, "SCANWATCH_TOKEN": token},
        text=True,
        start_new_session=True,
        creationflags=_APART,
    )


def _ready_url(process: subprocess.Popen[str], deadline: float) -> str | None:
    """The URL the child prints when it listens; ``None`` if it ends or the time runs out before."""
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=_read_line, args=(process.stdout, lines), name="scanwatch-start", daemon=True)
    reader.start()
    reader.join(max(0.0, deadline - time.monotonic()))
    if not lines or not lines[0].startswith(READY):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.0 if reader.is_alive() else 1.0)
        return None
    return lines[0].removeprefix(READY).strip()


def _read_line(stdout: IO[str], lines: list[str]) -> None:
    with stdout, contextlib.suppress(ValueError):
        lines.append(stdout.readline())


def _await_owner(store: str, deadline: float) -> Discovery | None:
    """The gateway that took the store while we were starting ours; it may need a moment to say so."""
    until = min(deadline, time.monotonic() + _PROBE_TIMEOUT_S)
    while (owner := discover(store)) is None and time.monotonic() < until:
        time.sleep(_PAUSE_S)
    return owner


def _last_words(log: Path, said_before: int) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(said_before)
        words = file.read().decode("utf-8", "replace").strip()
        return words[-_LAST_WORDS:] or "none."
    return "none."


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the child to end, by its standard input where it listens to it; insist when it does not."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    else:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_joined(store: str, pid: int) -> None:
    """Ask the gateway that was joined to end, once it has answered: its number may be another process's by now."""
    discovery, found = discovery_file(store), discover(store)
    if discovery is not None and found is not None and found.pid == pid:
        os.kill(pid, signal.SIGTERM)
        _wait_until_gone(found, discovery)


def _wait_until_gone(gateway: Discovery, discovery: Path) -> None:
    """Its discovery file goes last, when the store is free again; should it have died at once, the file stays."""
    until = time.monotonic() + STOP_TIMEOUT_S
    while discovery.exists() and time.monotonic() < until:
        time.sleep(_PAUSE_S)
        if not _is_alive(gateway.pid):
            return


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # there, signal 0 would end it; the file tells
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
