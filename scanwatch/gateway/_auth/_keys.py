"""API keys: made, kept as digests, found again, revoked."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

from ...errors import UsageError
from ...model import ApiKey, Role
from ...storage import AccessStore
from ._caller import check_patterns

PREFIX = "swk_"
"""How every key begins: people and secret scanners know it by that."""
SECRET_BYTES = 32
MAX_NAME = 200
MAX_KEYS = 10_000


def new_key(
    *,
    name: str,
    role: Role,
    now: datetime,
    repositories: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    created_by: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key's record, and the key itself, which is nowhere else.

    Raises:
        UsageError: the name, the role, a repository or the end makes no sense.
    """
    if not 0 < len(name.strip()) <= len(name) <= MAX_NAME:
        raise UsageError(f"The name of a token has 1 to {MAX_NAME} characters.")
    if role is Role.ADMIN:
        raise UsageError("An API key is a viewer's or an operator's; only the gateway's own token is admin.")
    if expires_at is not None and expires_at <= now:
        raise UsageError("The token would have expired already; give a moment to come.")
    patterns = None if repositories is None else check_patterns(repositories)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(str(uuid4()), name, role, now, digest_of(secret), patterns, created_by, expires_at)
    return key, secret


def digest_of(secret: str) -> str:
    """What is kept of a key.

    A plain SHA-256 is enough: slow, salted hashes protect passwords, which can be guessed, and a key is 256 random
    bits, which cannot. It costs microseconds, so it may be done for every request.
    """
    return sha256(secret.encode(errors="replace")).hexdigest()


class Keyring:
    """Every key of a store, in memory: its owner makes them here, and of a shared one it is heard what others do."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store
        self._by_digest: dict[str, ApiKey] = {}
        self._listeners: list[Callable[[ApiKey], None]] = []

    async def load(self) -> None:
        """Read the keys; call it once the store is open, and again if something was missed."""
        for key in await self._store.keys():
            self.heard(key)

    def find(self, secret: str) -> ApiKey | None:
        """The key with this secret, whatever became of it."""
        digest = digest_of(secret)
        key = self._by_digest.get(digest)
        return key if key is not None and hmac.compare_digest(key.digest, digest) else None

    def all(self) -> list[ApiKey]:
        """All keys, newest first."""
        return sorted(self._by_digest.values(), key=lambda key: key.created_at, reverse=True)

    async def add(self, key: ApiKey) -> None:
        """Keep a new key.

        Raises:
            UsageError: there are too many.
        """
        if len(self._by_digest) >= MAX_KEYS:
            raise UsageError(f"This gateway keeps at most {MAX_KEYS} tokens.")
        await self._store.create_key(key)
        self._by_digest[key.digest] = key

    async def revoke(self, key_id: str, at: datetime) -> ApiKey:
        """Revoke a key and tell the listeners; raises ``UnknownRecord``."""
        key = await self._store.revoke_key(key_id, at)
        self.heard(key)
        return key

    def heard(self, key: ApiKey) -> None:
        """A key is as it says now; tells the listeners of one that is revoked, whoever did it."""
        before = self._by_digest.get(key.digest)
        self._by_digest[key.digest] = key
        if key.revoked_at is not None and (before is None or before.revoked_at is None):
            for listener in self._listeners:
                listener(key)

    def listen(self, listener: Callable[[ApiKey], None]) -> None:
        """Call ``listener`` with every key that is revoked from now on."""
        self._listeners.append(listener)
