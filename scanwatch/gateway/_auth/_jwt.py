"""JSON Web Tokens of somebody who already knows the users: checked against one key and one algorithm."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...model import Role
from ._caller import MAX_PATTERNS, Caller, Scope

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "Ed25519")
MIN_SECRET_BYTES = 32
"""As long as the hash; a shorter secret can be guessed from any token it signed."""
MAX_TOKEN = 8000
LEEWAY_S = 30
"""How far the clocks of the issuer and of this machine may be apart."""

_KINDS = {"HS256": "oct", "RS256": "RSA", "PS256": "RSA", "ES256": "EC", "Ed25519": "OKP"}


class JwtRefused(Exception):
    """A token is not valid; the message says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class JwtRules:
    """What makes a token valid. ``key`` is a secret for HS256, else a public key as PEM or JWK."""

    key: str = field(repr=False)
    algorithm: str
    audience: str
    issuer: str


class JwtVerifier:
    """Checks tokens by ``rules``.

    Raises:
        ConfigurationError: the key does not fit the algorithm, or joserfc is not installed.
    """

    def __init__(self, rules: JwtRules) -> None:
        self._rules = rules
        self._key = _key(rules)

    def verify(self, token: str, now: datetime) -> Caller:
        """Who shows ``token``.

        The algorithm is the configured one, whatever the token's header says. ``exp``, ``sub``, ``aud`` and ``iss``
        must be there.

        Raises:
            JwtRefused: it is not valid now.
        """
        from joserfc import jwt
        from joserfc.errors import ExpiredTokenError, JoseError

        if len(token) > MAX_TOKEN:
            raise JwtRefused("The token is too long.")
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._rules.issuer},
            aud={"essential": True, "value": self._rules.audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[self._rules.algorithm]).claims
            registry.validate(claims)
        except ExpiredTokenError:
            raise JwtRefused("The token has expired; get a new one.") from None
        except (JoseError, ValueError, TypeError, RecursionError, OverflowError):
            raise JwtRefused("The token is not valid.") from None
        return self._caller(claims)

    def _caller(self, claims: dict[str, Any]) -> Caller:
        subject, role, repositories = claims["sub"], claims.get("role", Role.VIEWER), claims.get("repositories")
        if not isinstance(subject, str) or not 0 < len(subject) <= 200:
            raise JwtRefused("The token's subject is no name.")
        if not isinstance(role, str) or role not in set(Role):
            raise JwtRefused(f"The token's role is none of {', '.join(Role)}.")
        return Caller(
            name=subject,
            role=Role(role),
            scope=None if repositories is None else _scope(repositories),
            expires_at=_moment(claims["exp"]),
            identity=f"jwt:{subject}",
        )


def _scope(repositories: Any) -> Scope:
    is_list = isinstance(repositories, list) and all(isinstance(entry, str) for entry in repositories)
    if not is_list or len(repositories) > MAX_PATTERNS:
        raise JwtRefused(f"The token's repositories are no list of at most {MAX_PATTERNS} texts.")
    return Scope(tuple(repositories))


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds + LEEWAY_S, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def _key(rules: JwtRules) -> Key:
    try:
        from joserfc import jwk
        from joserfc.errors import JoseError
    except ImportError:
        raise ConfigurationError("JSON Web Tokens need the jwt extra: pip install 'scanwatch[jwt]'.") from None
    text = rules.key.strip()
    kind: Any = _KINDS[rules.algorithm]
    is_public = text.startswith(("-----BEGIN", "{"))
    if kind == "oct" and not is_public:
        if len(text.encode()) < MIN_SECRET_BYTES:
            raise ConfigurationError(f"A secret for HS256 has at least {MIN_SECRET_BYTES} bytes; give a longer one.")
        return jwk.OctKey.import_key(text)
    if not is_public:
        raise ConfigurationError(f"{rules.algorithm} needs a public key, as PEM (-----BEGIN ...) or as a JWK.")
    try:
        key = jwk.import_key(json.loads(text)) if text.startswith("{") else jwk.import_key(text, kind)
    except (JoseError, ValueError, TypeError, KeyError):
        raise ConfigurationError(f"The key for JSON Web Tokens is no {kind} key that can be read.") from None
    if key.key_type != kind:
        raise ConfigurationError(f"{rules.algorithm} needs a key of type {kind}, and this one is {key.key_type}.")
    if kind != "oct" and key.is_private:
        raise ConfigurationError("This is a private key, which only the issuer may have; give its public half.")
    return key
