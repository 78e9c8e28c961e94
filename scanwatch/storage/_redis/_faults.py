"""What the failures of Redis mean in words, with the remedy and without a secret."""

from __future__ import annotations

import ssl

from redis import exceptions

from ...errors import StoreError, StoreUnavailable, UsageError
from ._address import RedisAddress

FAULTS = (exceptions.RedisError, OSError, ssl.SSLError, TimeoutError, UnicodeEncodeError)
"""Everything that a call may end in."""

_REFUSALS = {
    "OOM": "it is full: raise its maxmemory, or keep less (--keep, --keep-events)",
    "READONLY": "it is a replica that may only be read: give the address of the primary",
    "NOPERM": "its ACL does not let this user do that: scanwatch doctor shows the rights that are needed",
    "NOAUTH": "it asks for a password: write it into the URL, redis://:PASSWORD@host",
    "WRONGPASS": "the user or the password in the URL is wrong",
    "MISCONF": "it cannot save to its disk: look into its log and free some space",
    "MASTERDOWN": "it is a replica that has lost its primary: give the address of the primary",
    "NOREPLICAS": "too few of its replicas are there to take a write",
    "MOVED": "it is part of a cluster, which scanwatch does not speak: give a Redis of its own",
    "CROSSSLOT": "it is part of a cluster, which scanwatch does not speak: give a Redis of its own",
}
"""The codes of refusals, and what to do about each."""

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.BusyLoadingError, "LOADING"),
)
"""What the client tells by the kind of an error, whose code it takes off the words."""

_PASSING = {
    "LOADING": "loading its data",
    "BUSY": "busy with a script",
    "TRYAGAIN": "busy",
    "UNBLOCKED": "becoming a replica",
}
"""Answers after which asking again helps, and what it is doing."""

_LASTING = {"OOM", "READONLY", "MISCONF", "MASTERDOWN", "NOREPLICAS"}
"""Refusals that end when somebody has looked after Redis, without a change to us."""

_SILENT = {
    False: "it does not answer. Check that it runs, and that the network lets us in.",
    True: "it does not answer over TLS. Check that it runs, and that it speaks TLS there: redis:// goes without.",
}
"""What to do about one that says nothing, by whether TLS is spoken to it."""


def in_words(address: RedisAddress, error: Exception, *, worked: bool = False) -> StoreError | UsageError:
    """``error`` for whoever asked; of what ``worked`` before, any refusal may be over again one day."""
    what = f"The store {address.shown} cannot be used"
    if isinstance(error, UnicodeEncodeError):
        return UsageError(f"{error.object!r} is no text: half a character is in it ({error.reason}).")
    code = _code(error)
    if code in _REFUSALS:
        kind = StoreUnavailable if worked or code in _LASTING else StoreError
        return kind(f"{what}: {_REFUSALS[code]}.")
    if code in _PASSING:
        return StoreUnavailable(f"{what} yet: it is {_PASSING[code]}.")
    if isinstance(error, exceptions.AuthenticationError):
        why = _REFUSALS["NOAUTH" if "required" in str(error) else "WRONGPASS"]
        return StoreUnavailable(f"{what}: {why}.") if worked else StoreError(f"{what}: {why}.")
    if isinstance(error, exceptions.ResponseError):
        return _answered(what, address, str(error))
    if _is_tls(error):
        return StoreUnavailable(f"{what}: no TLS connection comes about ({_reason(error)}).")
    if is_silence(error):
        return StoreUnavailable(f"{what}: {_SILENT[address.tls]}")
    reason = _reason(error)
    hint = "" if address.tls or "closed by server" not in reason else "; if it asks for TLS, write rediss://"
    return StoreUnavailable(f"{what}: nothing answers there ({reason}). Check host and port, and that it runs{hint}.")


def is_silence(error: Exception) -> bool:
    """Whether nothing came within the time there was, not even a refusal."""
    return isinstance(error, exceptions.TimeoutError | TimeoutError)


def _answered(what: str, address: RedisAddress, said: str) -> StoreError:
    if "index is out of range" in said or "invalid DB index" in said:
        return StoreError(f"{what}: it has no database {address.database}; 0 is there always.")
    return StoreError(f"{what}: it answers {said[:200]!r}.")


def _code(error: Exception) -> str:
    """The code that Redis gave the error."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    words = str(error).replace("-", " ").split()  # of a script: "ERR ... -OOM command not allowed ... script: ..."
    return next((word for word in words if word in _REFUSALS or word in _PASSING), "")


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: BaseException) -> str:
    """The innermost reason in a few words: the outer ones repeat the address."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]
