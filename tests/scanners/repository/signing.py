"""Signed evidence for the tests: keys made once, results and packages signed with them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

STATE_HASH = "0" * 64
PACKAGE = "OQ-SPEC-001-001-2026-01-02T03-04-05-678Z"


@cache
def key(algorithm: str = "ES256") -> Key:
    """The private key for an algorithm."""
    if algorithm == "RS256":
        return RSAKey.generate_key(2048)
    if algorithm == "HS256":
        return OctKey.generate_key(256)
    return ECKey.generate_key("P-256") if algorithm == "ES256" else OKPKey.generate_key("Ed25519")


def public_pem(algorithm: str = "ES256") -> str:
    return key(algorithm).as_pem(private=False).decode()


def signed(payload: Mapping[str, Any], algorithm: str = "ES256", **header: Any) -> str:
    """A compact JWS over ``payload``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        protected = {"alg": algorithm, "typ": "JWT", "kid": "ada", **header}
        return jws.serialize_compact(protected, json.dumps(payload), key(algorithm), algorithms=[algorithm])


def result(**changes: Any) -> dict[str, Any]:
    """What a signed result of SPEC-001-001 says."""
    said = {
        "gxp_id": "EV-SPEC-001-001",
        "spec_id": "SPEC-001-001",
        "verification_tier": "OQ",
        "traced_user_story": "US-001-001",
        "test_results": {"tool": "pytest", "passed": 3, "failed": 0, "skipped": 1, "test_cases": []},
        "timestamp": "2026-01-02T03:04:05.678Z",
        "system_state_hash": STATE_HASH,
    }
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def package(changes: Mapping[str, str | None] | None = None, **manifest: Any) -> dict[str, str]:
    """The files of an OQ package by their path in it, listed and signed; ``changes`` come after the signature."""
    files = {
        "metadata.json": json.dumps({"spec_id": "SPEC-001-001", "tier": "OQ", "created_at": "2026-01-02T03:04:05Z"}),
        "environment.json": "{}",
        "test-output.log": "3 passed\n",
        "artifacts/test-results.json": json.dumps({"passed": 3, "failed": 0, "skipped": 1}),
        "artifacts/coverage-report.json": "{}",
    }
    listed = [{"path": name, "sha256": sha256(text), "size_bytes": len(text)} for name, text in files.items()]
    said = {"package_id": "PKG-OQ-SPEC-001-001-1", "spec_id": "SPEC-001-001", "tier": "OQ", "files": listed, **manifest}
    files["manifest.json"] = json.dumps(said)
    files["manifest.jws"] = signed({**said, "iat": 1767323045})
    for name, text in (changes or {}).items():
        files.pop(name, None)
        if text is not None:
            files[name] = text
    return files


def in_record(files: Mapping[str, str], folder: str = f".gxp/evidence/packages/{PACKAGE}") -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
