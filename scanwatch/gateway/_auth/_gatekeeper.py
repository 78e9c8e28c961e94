"""Tells who shows what: the gateway's own token, an API key, a JSON Web Token, or nothing."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime

from ...model import Role
from ._caller import Caller, Scope
from ._jwt import JwtRefused, JwtVerifier
from ._keys import PREFIX, Keyring

TOKEN_NEEDED = "A valid token is needed: Authorization: Bearer TOKEN."  # noqa: S105 the words for who has none

NOT_VALID = "The token is not valid; ask whoever runs this gateway for one."


class Refused(Exception):
    """Somebody may not come in; the message says why, with the remedy, and holds nothing of the token."""


class Gatekeeper:
    """Lets callers in by what they show; a gateway that asks for nothing lets in everybody its doors let through."""

    def __init__(
        self,
        token: str | None,
        name: str | None = None,
        *,
        keyring: Keyring,
        now: Callable[[], datetime],
        jwt: JwtVerifier | None = None,
    ) -> None:
        self._token = None if token is None else token.encode()
        self._name = name
        self._keyring = keyring
        self._jwt = jwt
        self._now = now

    @property
    def asks(self) -> bool:
        """Whether a credential is needed at all."""
        return self._token is not None or self._jwt is not None

    def admit(self, token: str | None) -> Caller:
        """The caller who shows ``token``.

        Raises:
            Refused: it opens nothing.
        """
        given = "" if token is None else token
        if self._token is not None and hmac.compare_digest(given.encode(errors="replace"), self._token):
            return Caller(self._name, Role.ADMIN, identity="token")
        if given.startswith(PREFIX):
            return self._by_key(given)
        if self._jwt is not None and given.count(".") == 2:
            try:
                return self._jwt.verify(given, self._now())
            except JwtRefused as refusal:
                raise Refused(str(refusal)) from None
        if self.asks:
            raise Refused(NOT_VALID if given else TOKEN_NEEDED)
        return Caller(self._name, Role.ADMIN)  # a token for another gateway does no harm here

    def _by_key(self, secret: str) -> Caller:
        key = self._keyring.find(secret)
        if key is None:
            raise Refused(NOT_VALID)
        if key.revoked_at is not None:
            raise Refused("The token was revoked; ask for a new one.")
        if key.expires_at is not None and key.expires_at <= self._now():
            raise Refused("The token has expired; ask for a new one.")
        scope = None if key.repositories is None else Scope(key.repositories)
        return Caller(key.name, key.role, scope, key.id, key.expires_at, identity=f"key:{key.id}")
