"""Public keys, and what they say of a signature. The algorithm follows from the key, never from what was signed.

joserfc, of the extra ``evidence``, verifies; it is loaded when a key is given. Without a key nothing is called invalid.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from .jws import Jws

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS = ("ES256", "RS256", "EdDSA", "Ed25519")
"""Those that are believed; the last two are names of one."""
MAX_KEYS = 50

_ALGORITHMS_OF = {"EC P-256": ("ES256",), "RSA": ("RS256",), "OKP Ed25519": ("EdDSA", "Ed25519")}
_PEM = re.compile(r"-----BEGIN (?P<what>[A-Z ]+)-----.*?-----END (?P=what)-----", re.DOTALL)


class WrongKey(Exception):
    """Why a text is no public key; a sentence."""


class Verdict(StrEnum):
    """What can be said of a signature."""

    VERIFIED = "verified"
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"
    """Nobody gave a key for it."""
    MISSING = "missing"
    UNSIGNED = "unsigned"
    """It is of a kind that carries no signature."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and the algorithm it is for, under each of its names."""

    key: Key
    algorithms: tuple[str, ...]
    key_id: str | None


def read_keys(text: str) -> list[PublicKey]:
    """The public keys in a text: PEM blocks, a JSON Web Key, or a set of them.

    Raises:
        WrongKey: it holds none, a private one, or one of another kind.
    """
    try:
        import joserfc.jwk  # noqa: F401  asked for here, so that the sentence below is true
    except ImportError:
        raise WrongKey("verifying needs the extra evidence: pip install 'scanwatch[evidence]'") from None
    blocks = [match[0] for match in _PEM.finditer(text)]
    keys = [_from_pem(block) for block in blocks] if blocks else _from_json(text)
    if not 0 < len(keys) <= MAX_KEYS:
        raise WrongKey(f"it holds {len(keys)} keys; give 1 to {MAX_KEYS}")
    return keys


def verify(signed: Jws, keys: Iterable[PublicKey]) -> Verdict:
    """Whether ``signed`` was signed with one of ``keys``."""
    if signed.algorithm not in ALGORITHMS:
        return Verdict.INVALID
    fitting = [key for key in keys if signed.algorithm in key.algorithms]
    named = [key for key in fitting if key.key_id is not None and key.key_id == signed.key_id]
    asked = named or [key for key in fitting if key.key_id is None or signed.key_id is None]
    if not asked:
        return Verdict.UNVERIFIABLE
    return Verdict.VERIFIED if any(_holds(signed, key) for key in asked) else Verdict.INVALID


def _holds(signed: Jws, key: PublicKey) -> bool:
    from joserfc import jws
    from joserfc.errors import JoseError, SecurityWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the older name of Ed25519, which is what is in use
        try:
            jws.deserialize_compact(signed.text, key.key, algorithms=list(key.algorithms))
        except (JoseError, ValueError):
            return False
    return True


def _from_pem(block: str) -> PublicKey:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if "PRIVATE" in block.partition("\n")[0]:
        raise WrongKey("it is a private key; give the public one, and keep that one secret")
    for kind in (ECKey, RSAKey, OKPKey):
        try:
            return _public(kind.import_key(block))
        except WrongKey:
            raise
        except Exception:  # noqa: BLE001, S112  each kind refuses the others' keys with errors of its own
            continue
    raise WrongKey("it is no public key for ES256, RS256 or EdDSA")


def _from_json(text: str) -> list[PublicKey]:
    from joserfc import jwk
    from joserfc.errors import JoseError

    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise WrongKey("there is no such file, or it holds neither PEM nor a JSON Web Key") from None
    entries = said["keys"] if isinstance(said.get("keys"), list) else [said]
    if any(not isinstance(entry, dict) for entry in entries):
        raise WrongKey("a key of its set is no JSON object")
    if any("d" in entry or entry.get("kty") == "oct" for entry in entries):
        raise WrongKey("it is a private or a shared key; give the public one, and keep that one secret")
    try:
        return [_public(jwk.import_key(entry)) for entry in entries]
    except (JoseError, ValueError, KeyError, TypeError):
        raise WrongKey("it is no JSON Web Key for ES256, RS256 or EdDSA") from None


def _public(key: Key) -> PublicKey:
    said = key.as_dict(private=False)
    kind = f"{key.key_type} {said.get('crv', '')}".strip()
    algorithms = _ALGORITHMS_OF.get(kind)
    if algorithms is None:
        raise WrongKey(f"it is a key of kind {kind}, which is for none of {', '.join(ALGORITHMS)}")
    named = said.get("kid")
    return PublicKey(key, algorithms, named if isinstance(named, str) else None)
