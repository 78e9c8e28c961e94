"""JSON Web Tokens: one key, one algorithm, and every claim checked.

@gxp-spec SPEC-003-004 "Gateway REST"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import base64
import builtins
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from scanwatch import wire
from scanwatch.errors import ConfigurationError
from scanwatch.gateway import GatewayConfig
from scanwatch.gateway._auth import JwtRules, JwtVerifier
from scanwatch.gateway._auth._jwt import JwtRefused
from scanwatch.model import Role
from tests.gateway._access import calling, guarded
from tests.gateway._peers import watching

SECRET = "a secret of more than thirty-two bytes, for tests"
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}
NOW = datetime.now(UTC)
LONG_AGO, FAR_AHEAD = 1_000_000_000, 4_000_000_000
"""Seconds since 1970; fixed, because every worker of a parallel run must collect the same names of tests."""
RULES = JwtRules(SECRET, "HS256", "scanwatch", "https://login.example")


def claims(**changes: Any) -> dict[str, Any]:
    said = {"sub": "ada", "aud": "scanwatch", "iss": "https://login.example", "exp": int(time.time()) + 600}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def signed(algorithm: str = "HS256", key: Any = None, **changes: Any) -> str:
    signer = key or KEYS.get(algorithm) or OctKey.import_key(SECRET)
    return jwt.encode({"alg": algorithm}, claims(**changes), signer, algorithms=[algorithm])


def pem(key: Any) -> str:
    return str(key.as_pem(private=False).decode())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_a_token_signed_with_the_private_half_is_known_by_the_public_one(algorithm: str, form: str) -> None:
    key = KEYS[algorithm]
    public = pem(key) if form == "pem" else json.dumps(key.as_dict(private=False))
    verifier = JwtVerifier(JwtRules(public, algorithm, "scanwatch", "https://login.example"))
    token = signed(algorithm, role="operator", repositories=["sim://acme/**"])
    caller = verifier.verify(token, NOW)
    assert (caller.name, caller.role) == ("ada", Role.OPERATOR)
    assert caller.sees(None, "sim://acme/x")
    assert not caller.sees(None, "sim://other/x")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": LONG_AGO},
        {"exp": "soon"},
        {"nbf": FAR_AHEAD},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another"]},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"role": "king"},
        {"role": ["viewer"]},
        {"repositories": "sim://acme"},
        {"repositories": [5]},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    token = jwt.encode({"alg": "HS256"}, claims(**changes), OctKey.import_key(SECRET))
    with pytest.raises(JwtRefused) as refusal:
        JwtVerifier(RULES).verify(token, NOW)
    assert token not in str(refusal.value)


def test_one_of_several_audiences_is_enough_and_without_a_role_one_is_a_viewer() -> None:
    caller = JwtVerifier(RULES).verify(signed(aud=["other", "scanwatch"]), NOW)
    assert (caller.role, caller.scope) == (Role.VIEWER, None)


def test_a_token_without_repositories_in_its_list_sees_none() -> None:
    caller = JwtVerifier(RULES).verify(signed(repositories=[]), NOW)
    assert not caller.sees("9cc8ac9e-c415-4eef-b3cc-841fd3bac1df", "sim://acme/x")


def test_the_algorithm_is_the_configured_one_whatever_the_header_says() -> None:
    def part(data: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    verifier = JwtVerifier(RULES)
    public = JwtVerifier(JwtRules(pem(KEYS["RS256"]), "RS256", "scanwatch", "https://login.example"))
    unsigned = [f"{part({'alg': alg})}.{part(claims())}." for alg in ("none", "None", "HS256")]
    good = signed()
    changed = ".".join([good.split(".")[0], part(claims(role="admin")), good.split(".")[2]])
    # The classic forgery: the public key, which everybody has, taken as a secret.
    body = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims())}"
    signature = hmac.digest(pem(KEYS["RS256"]).encode(), body.encode(), "sha256")
    forged = f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    others = (signed("RS256"), signed(key=OctKey.import_key("x" * 40)), "a.b.c", "..", "x" * 9000)
    for token in (*unsigned, changed, *others):
        with pytest.raises(JwtRefused):
            verifier.verify(token, NOW)
    for token in (*unsigned, forged, good, signed("ES256")):
        with pytest.raises(JwtRefused):
            public.verify(token, NOW)


@pytest.mark.parametrize(
    ("key", "algorithm", "says"),
    [
        ("short", "HS256", "32 bytes"),
        (pem(KEYS["RS256"]), "HS256", "key"),
        (pem(KEYS["RS256"]), "ES256", "key"),
        (SECRET, "RS256", "public key"),
        ("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----", "RS256", "RSA"),
        ("{}", "RS256", "RSA"),
        (KEYS["RS256"].as_pem(private=True).decode(), "RS256", "private"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_when_the_gateway_starts(key: str, algorithm: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refusal:
        JwtVerifier(JwtRules(key, algorithm, "scanwatch", "https://login.example"))
    assert key not in str(refusal.value)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def missing(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("joserfc"):
            raise ImportError(name)
        return usual(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigurationError, match=r"scanwatch\[jwt\]"):
        JwtVerifier(RULES)


def test_audience_and_issuer_are_needed_and_the_key_is_in_no_repr() -> None:
    with pytest.raises(ConfigurationError, match="jwt_audience"):
        GatewayConfig(jwt_key=SECRET)
    config = GatewayConfig(host="0.0.0.0", jwt_key=SECRET, jwt_audience="a", jwt_issuer="i")
    assert SECRET not in repr(config)
    assert SECRET not in repr(RULES)


async def test_a_gateway_lets_in_by_token_and_ends_the_connection_when_it_expires() -> None:
    rules = {"jwt_key": SECRET, "jwt_audience": "scanwatch", "jwt_issuer": "https://login.example"}
    async with guarded(token=None, **rules) as (gateway, _):
        async with calling(gateway.url, None) as stranger:
            assert (await stranger.ask("GET", wire.paths.scans))[0] == 401
        async with calling(gateway.url, signed(role="operator")) as ada:
            row = await ada.until_ended(await ada.scan("files=5&duration_s=0.05"))
            assert row["requestedBy"] == "ada"
            assert (await ada.ask("GET", wire.paths.audit))[0] == 403
        # Within the leeway for clocks that differ, it is over a second from now.
        async with watching(gateway.url, token=signed(exp=int(time.time()) - 28)) as watcher:
            await watcher.until(lambda: any(name == wire.REFUSED for name, _ in watcher.heard))
            assert watcher.heard[-1][1]["code"] == "expired"
