"""What the failures of Redis mean in words, with the remedy and without a secret."""

from __future__ import annotations

import ssl

from redis import exceptions

from ...errors import StoreError, StoreUnavailable, UsageError
from ._address import RedisAddress

FAULTS = (exceptions.RedisError, OSError, ssl.SSLError, TimeoutError, UnicodeEncodeError)
"""Everything that a call may end in."""

_REFUSALS = (
    ("OOM", "it is full: raise its maxmemory, or keep less (--keep, --keep-events)"),
    ("READONLY", "it is a replica that may only be read: give the address of the primary"),
    ("NOPERM", "its ACL does not let this user do that: scanwatch doctor shows the rights that are needed"),
    ("NOAUTH", "it asks for a password: write it into the URL, redis://:PASSWORD@host"),
    ("WRONGPASS", "the user or the password in the URL is wrong"),
    ("MISCONF", "it cannot save to its disk: look into its log and free some space"),
    ("MASTERDOWN", "it is a replica that has lost its primary: give the address of the primary"),
    ("NOREPLICAS", "too few of its replicas are there to take a write"),
    ("MOVED", "it is part of a cluster, which scanwatch does not speak: give a Redis of its own"),
    ("CROSSSLOT", "it is part of a cluster, which scanwatch does not speak: give a Redis of its own"),
)
"""How an answer begins that is a refusal, and what to do about it."""

_PASSING = ("LOADING", "BUSY", "TRYAGAIN", "UNKILLABLE")
"""How an answer begins after which asking again helps."""

_LASTING = {"OOM", "READONLY", "MISCONF", "MASTERDOWN", "NOREPLICAS"}
"""Refusals that end when somebody has looked after Redis, without a change to us."""


def in_words(address: RedisAddress, error: Exception) -> StoreError | UsageError:
    """``error`` for whoever asked."""
    what = f"The store {address.shown} cannot be used"
    said = str(error)
    if isinstance(error, UnicodeEncodeError):
        return UsageError(f"{error.object!r} is no text: half a character is in it ({error.reason}).")
    for code, reason in _REFUSALS:
        if code in said.split(" ", 1)[0] or f" {code} " in f" {said} ":
            kind = StoreUnavailable if code in _LASTING else StoreError
            return kind(f"{what}: {reason}.")
    if isinstance(error, exceptions.AuthenticationError):
        return StoreError(f"{what}: the user or the password in the URL is wrong, or one is needed.")
    if "DB index is out of range" in said or "invalid DB index" in said:
        return StoreError(f"{what}: it has no database {address.database}; 0 is there always.")
    if any(said.startswith(code) for code in _PASSING):
        return StoreUnavailable(f"{what} yet: it is {'loading its data' if said.startswith('LOADING') else 'busy'}.")
    if isinstance(error, exceptions.ResponseError):
        return StoreError(f"{what}: it answers {said[:200]!r}.")
    if _is_tls(error):
        return StoreUnavailable(f"{what}: no TLS connection comes about ({_reason(error)}).")
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return StoreUnavailable(f"{what}: it does not answer. Check that it runs, and that the network lets us in.")
    return StoreUnavailable(
        f"{what}: nothing answers there ({_reason(error)}). Check that it runs, and the host and port."
    )


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
