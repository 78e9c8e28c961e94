"""API keys and the audit trail over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import WireError
from ..model import ApiKey, AuditEntry, Role
from ._events import decode_as, to_plain
from ._names import Time, from_time, from_time_or_none, to_time, to_time_or_none
from ._records import Record


class NewToken(Record, kw_only=True):
    """The body of ``POST /tokens``; without ``expires_at`` it lasts until it is revoked."""

    name: str
    role: str = "viewer"
    repositories: list[str] | None = None
    expires_at: Time | None = None


class TokenPayload(Record, kw_only=True):
    """An API key as ``GET /tokens`` lists it."""

    id: str
    name: str
    role: str
    repositories: list[str] | None
    created_at: Time
    created_by: str | None
    expires_at: Time | None
    revoked_at: Time | None


class MadeToken(TokenPayload, kw_only=True):
    """The answer to ``POST /tokens``: the only one that ever holds the key itself."""

    token: str


class AuditPayload(Record, kw_only=True):
    """A row of the audit trail."""

    time: Time
    act: str
    allowed: bool
    actor: str | None
    scan_id: str | None
    repository_id: str | None
    token_id: str | None
    detail: str | None


def encode_token(key: ApiKey, secret: str | None = None) -> dict[str, Any]:
    """An API key as the wire writes it, with the key itself where it was just made."""
    fields: dict[str, Any] = {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "repositories": None if key.repositories is None else list(key.repositories),
        "created_at": to_time(key.created_at),
        "created_by": key.created_by,
        "expires_at": to_time_or_none(key.expires_at),
        "revoked_at": to_time_or_none(key.revoked_at),
    }
    return to_plain(TokenPayload(**fields) if secret is None else MadeToken(**fields, token=secret))


def decode_token(data: Any) -> ApiKey:
    """An API key from the wire, without its digest, which is told to nobody.

    Raises:
        WireError: it is none.
    """
    payload = decode_as(TokenPayload, data, "token")
    if payload.role not in set(Role):
        raise WireError(f"{payload.role[:40]!r} is not the role of a token")
    return ApiKey(
        id=payload.id,
        name=payload.name,
        role=Role(payload.role),
        created_at=from_time(payload.created_at),
        digest="",
        repositories=None if payload.repositories is None else tuple(payload.repositories),
        created_by=payload.created_by,
        expires_at=from_time_or_none(payload.expires_at),
        revoked_at=from_time_or_none(payload.revoked_at),
    )


def encode_new_token(
    name: str, role: Role, repositories: list[str] | None, expires_at: datetime | None
) -> dict[str, Any]:
    """What is asked for with ``POST /tokens``."""
    return to_plain(
        NewToken(name=name, role=role.value, repositories=repositories, expires_at=to_time_or_none(expires_at))
    )


def encode_audit(entry: AuditEntry) -> dict[str, Any]:
    """A row of the trail as the wire writes it."""
    return to_plain(
        AuditPayload(
            time=to_time(entry.time),
            act=entry.act,
            allowed=entry.allowed,
            actor=entry.actor,
            scan_id=entry.scan_id,
            repository_id=entry.repository_id,
            token_id=entry.key_id,
            detail=entry.detail,
        )
    )
