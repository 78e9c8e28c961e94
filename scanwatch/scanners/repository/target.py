"""What a target names: a directory on this machine, or a repository elsewhere. Everything doubtful is refused here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ..._credentials import refuse_credentials, without_credentials
from ...errors import ScannerError, UsageError
from ...model import FailureCode
from .text import legible

REMOTE_SCHEMES = ("https", "http", "ssh")

_TRANSPORT_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCP = re.compile(r"[\w.][\w.-]*@[\w.][\w.-]*:(?!//)")


@dataclass(frozen=True, slots=True)
class Local:
    """A repository on this machine, read in place."""

    path: Path

    @property
    def shown(self) -> str:
        """The target as people may see it."""
        return legible(str(self.path))


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository elsewhere. ``url`` has no secret in it: git's own helpers have those."""

    url: str

    @property
    def shown(self) -> str:
        """The target as people may see it."""
        return legible(without_credentials(self.url))


def parse_target(target: str) -> Local | Remote:
    """What ``target``, without its query, names.

    Raises:
        ScannerError: it is not an absolute path, nor a ``file``, ``https``, ``http`` or ``ssh`` URL or
            ``user@host:path``, or holds a secret, or looks like an option or a command for git.
    """
    try:
        refuse_credentials(target)
    except UsageError as error:
        raise ScannerError(str(error), code=FailureCode.INVALID, retryable=False) from None
    if not target or target.startswith("-") or _CONTROL.search(target):
        raise _refusal(target, "looks like an option, is empty, or has control characters in it")
    if _TRANSPORT_HELPER.match(target):
        raise _refusal(target, "names a git transport helper, which could run any command")
    if target.startswith("/") or Path(target).is_absolute():
        return Local(Path(target))
    if _SCP.match(target):
        return Remote(target)
    parts = _split(target)
    if parts.scheme == "file":
        return _local(target, parts)
    if parts.scheme in REMOTE_SCHEMES:
        return _remote(target, parts)
    raise _refusal(target, "is not an absolute path and has no scheme this scanner reads")


def _split(target: str) -> SplitResult:
    try:
        parts = urlsplit(target)
        _ = parts.port  # read for its check: a port that is no number raises
    except ValueError:
        raise _refusal(target, "is not a well-formed URL") from None
    return parts


def _local(target: str, parts: SplitResult) -> Local:
    if parts.netloc not in ("", "localhost"):
        raise _refusal(target, "names another machine; a file URL has three slashes")
    if parts.fragment:
        raise _refusal(target, "has a fragment; write # in a path as %23")
    path = unquote(parts.path)
    if not path.startswith("/") or _CONTROL.search(path):
        raise _refusal(target, "holds no absolute path")
    return Local(Path(path))


def _remote(target: str, parts: SplitResult) -> Remote:
    user, _, host = parts.netloc.rpartition("@")
    if not host or host.startswith("-") or user.startswith("-"):
        raise _refusal(target, "names no host, or one that looks like an option")
    if parts.fragment:
        raise _refusal(target, "has a fragment; pass ref=... as an option")
    return Remote(target)


def _refusal(target: str, reason: str) -> ScannerError:
    shown = legible(without_credentials(target), 200)
    return ScannerError(
        f"The target {shown!r} {reason}. Use an absolute path, or a URL that starts with file:///, https://, http:// "
        "or ssh://.",
        code=FailureCode.INVALID,
        retryable=False,
    )
