"""How the gateway that owns a store is found: through the discovery file beside the store.

The file is JSON: ``{url, token, pid, protocol, version}``. It is written in one step, can be read by its user alone,
and is never taken at its word: its process must live, and a gateway must answer to its token. So a file that a dead
gateway left is harmless, whoever has its number or its port by now.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import stat
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .._version import __version__
from ..wire import ENDING, PROTOCOL, paths
from ._places import store_file

_PROBE_TIMEOUT_S = 2.0
_PROBE_BYTES = 4096
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Discovery:
    """How to reach the gateway that owns a store."""

    url: str
    token: str | None
    pid: int

    def __repr__(self) -> str:
        return f"Discovery(url={self.url!r}, pid={self.pid})"


@dataclass(frozen=True, slots=True)
class NotJoined:
    """Why the owner of a store cannot be joined, to follow "its owner cannot be joined: "."""

    reason: str
    final: bool = False
    """Whether waiting will not help: the owner lives, and has said all it will say."""


def discovery_file(store: str) -> Path | None:
    """Where the owner of ``store`` says how to reach it; ``None`` for a store that is no file."""
    path = store_file(store)
    # As the store's lock does: the same file may be reached under several names.
    return None if path is None else (real := path.resolve()).with_name(f"{real.name}.gateway.json")


@contextlib.contextmanager
def announced(store: str, url: str, token: str | None) -> Iterator[None]:
    """Tell whoever may read our files that this process serves ``store`` at ``url``, for as long as it does."""
    path = discovery_file(store)
    if path is None:
        yield
        return
    said = {"url": url, "token": token, "pid": os.getpid(), "protocol": PROTOCOL, "version": __version__}
    ours = json.dumps(said)
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
    found = look(store)
    return found if isinstance(found, Discovery) else None


def look(store: str) -> Discovery | NotJoined:
    """The living gateway that owns ``store``, or why there is none to join."""
    path = discovery_file(store)
    if path is None:
        return NotJoined("it is no file.", final=True)
    try:
        private, said = _is_private(path), json.loads(path.read_text(encoding="utf-8"))
        found = Discovery(str(said["url"]), said["token"], int(said["pid"]))
        protocol, version = said.get("protocol", PROTOCOL), said.get("version")
    except FileNotFoundError:
        return NotJoined(f"it does not say how to reach it (there is no {path}).")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return NotJoined(f"{path} cannot be read.")
    if not is_alive(found.pid):
        return NotJoined(f"the process {found.pid} that {path} names has ended.")
    if not private:
        return NotJoined(f"{path} is not this user's alone, so it is not believed; end that gateway.", final=True)
    if protocol != PROTOCOL:
        remedy = f"end its process, {found.pid}"
        return NotJoined(f"it is of version {version} of scanwatch, which speaks otherwise; {remedy}.", final=True)
    if not _answers(found):
        return NotJoined(f"nothing at {found.url} answers to the token in {path}.")
    return NotJoined(f"its process, {found.pid}, is ending.") if _is_ending(found) else found


def _is_private(path: Path) -> bool:
    """Whether only this user can have written the file, and only this user can read it."""
    if sys.platform == "win32":
        return True  # there, the folder's access list decides
    status = path.stat()
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _answers(gateway: Discovery) -> bool:
    """Whether a gateway answers there, and to this token, which nobody but a gateway is shown."""
    if not gateway.url.startswith("http://"):
        return False
    headers = {} if gateway.token is None else {"Authorization": f"Bearer {gateway.token}"}
    try:
        health = json.loads(_ask(f"{gateway.url}/{paths.health}", {}))
        if not isinstance(health, dict) or health.get("status") != "ok":
            return False
        _ask(f"{gateway.url}/{paths.repositories}", headers)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def _is_ending(gateway: Discovery) -> bool:
    """Whether it still answers, but hands back what it runs and is about to be gone."""
    try:
        _ask(f"{gateway.url}/{paths.ready}", {})
    except urllib.error.HTTPError as unready:
        with unready, contextlib.suppress(ValueError, http.client.HTTPException):
            said = json.loads(unready.read(_PROBE_BYTES))
            return isinstance(said, dict) and said.get("status") == ENDING
    except (OSError, http.client.HTTPException):
        return True  # it answered a moment ago
    return False


def _ask(url: str, headers: dict[str, str]) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 checked to be http
    with direct.open(asked, timeout=_PROBE_TIMEOUT_S) as answer:
        beginning: bytes = answer.read(_PROBE_BYTES)
        return beginning


def wait_until_gone(gateway: Discovery, store: str, timeout_s: float) -> None:
    """Its discovery file goes last, when the store is free again; should it have died at once, the file stays."""
    discovery, until = discovery_file(store), time.monotonic() + timeout_s
    while discovery is not None and discovery.exists() and time.monotonic() < until:
        time.sleep(_PAUSE_S)
        if not is_alive(gateway.pid):
            return


def await_owner(store: str, until: float) -> Discovery | NotJoined:
    """The gateway that took the store while we were starting ours; it may need a moment to say so."""
    while isinstance(owner := look(store), NotJoined) and not owner.final and time.monotonic() < until:
        time.sleep(_PAUSE_S)
    return owner


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number; on Windows, where asking would end it, always."""
    if sys.platform == "win32":
        return True
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
