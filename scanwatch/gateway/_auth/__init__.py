"""Who may come in, through which door, and what is then open to them."""

from __future__ import annotations

from ._caller import Caller, Scope, check_patterns
from ._doors import Doors, bearer_token, is_loopback
from ._gatekeeper import Gatekeeper, Refused
from ._jwt import ALGORITHMS, JwtRules, JwtVerifier
from ._keys import Keyring, new_key

__all__ = [
    "ALGORITHMS",
    "Caller",
    "Doors",
    "Gatekeeper",
    "JwtRules",
    "JwtVerifier",
    "Keyring",
    "Refused",
    "Scope",
    "bearer_token",
    "check_patterns",
    "is_loopback",
    "new_key",
]
