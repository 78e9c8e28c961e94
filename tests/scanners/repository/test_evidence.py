"""Evidence is verified with the key that was given, and nothing is called valid or invalid that nobody could check.

@gxp-spec SPEC-004-005 "Evidence"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.scanners.repository.evidence.jws import MalformedJws, parse_jws
from scanwatch.scanners.repository.evidence.keys import Verdict, WrongKey, read_keys, verify
from tests.scanners.repository import signing
from tests.scanners.repository.signing import in_record, package, public_pem, result, signed

FILE = ".gxp/evidence/EV-SPEC-001-001.jws"
DIFFERS = "package-manifest-differs"


def unsigned(header: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(result())}."


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_signature_is_verified_with_its_key_as_pem_or_jwk(algorithm):
    text = signed(result(), algorithm).encode()
    as_jwk = json.dumps(signing.key(algorithm).as_dict(private=False))
    as_set = json.dumps({"keys": [json.loads(as_jwk)]})

    for form in (public_pem(algorithm), as_jwk, as_set):
        assert verify(parse_jws(text), read_keys(form)) is Verdict.VERIFIED


def test_what_was_changed_after_signing_is_invalid():
    head, _, tail = signed(result()).split(".")
    changed = signed(result(verification_tier="PQ")).split(".")[1]

    assert verify(parse_jws(f"{head}.{changed}.{tail}".encode()), read_keys(public_pem())) is Verdict.INVALID


def test_without_a_key_for_it_a_signature_is_unverifiable():
    for given_keys in ([], read_keys(public_pem("RS256"))):
        assert verify(parse_jws(signed(result()).encode()), given_keys) is Verdict.UNVERIFIABLE


def test_of_several_keys_the_one_that_is_named_decides():
    def named(algorithm, key_id):
        return json.dumps({**signing.key(algorithm).as_dict(private=False), "kid": key_id})

    text = parse_jws(signed(result(), kid="grace").encode())
    assert (
        verify(text, [*read_keys(named("ES256", "ada")), *read_keys(named("RS256", "grace"))]) is Verdict.UNVERIFIABLE
    )
    assert verify(text, read_keys(named("ES256", "grace"))) is Verdict.VERIFIED


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", "", 7])
def test_an_algorithm_that_proves_nothing_is_refused_with_and_without_a_key(algorithm):
    text = parse_jws(unsigned({"alg": algorithm}).encode())

    for given_keys in ([], read_keys(public_pem())):
        assert verify(text, given_keys) is Verdict.INVALID


def test_a_public_key_is_never_taken_for_a_shared_secret():
    secret = public_pem("RS256").encode()
    head, payload, _ = unsigned({"alg": "HS256"}).split(".")
    digest = hashlib.sha256(secret + f"{head}.{payload}".encode()).digest()
    forged = f"{head}.{payload}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    assert verify(parse_jws(forged.encode()), read_keys(public_pem("RS256"))) is Verdict.INVALID


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no such file"),
        ("hello", "neither PEM nor"),
        ("[1]", "neither PEM nor"),
        ('{"kty": "oct", "k": "c2VjcmV0"}', "private or a shared key"),
        ('{"kty": "EC"}', "no JSON Web Key"),
        ('{"keys": [1]}', "no JSON object"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key"),
    ],
)
def test_what_is_no_public_key_is_refused_in_words(text, words):
    with pytest.raises(WrongKey, match=words):
        read_keys(text)


def test_a_private_key_is_refused_and_not_repeated():
    pem = signing.key().as_pem(private=True).decode()

    with pytest.raises(WrongKey, match="keep that one secret") as raised:
        read_keys(pem)
    assert pem.splitlines()[1] not in str(raised.value)


@pytest.mark.parametrize(
    "raw", [b"", b"a.b", b"a.b.c", b"e30.W10.", b"e30.e30.\xff", b"e30.e30.*", b"e30." + b"W" * 99]
)
def test_what_is_no_signature_over_an_object_is_malformed(raw):
    with pytest.raises(MalformedJws):
        parse_jws(raw)


@pytest.mark.parametrize("header", [{"alg": "ES256", "crit": ["exp"]}, {"alg": "ES256", "b64": False}])
def test_a_header_that_demands_an_extension_is_malformed(header):
    with pytest.raises(MalformedJws, match="extension"):
        parse_jws(unsigned(header).encode())


@given(st.binary(max_size=200) | st.text('eyJ.0{}[]"', max_size=120).map(str.encode))
def test_any_bytes_are_a_signature_or_malformed(raw):
    try:
        assert isinstance(parse_jws(raw).header, dict)
    except MalformedJws as error:
        assert str(error)


def test_nested_json_in_a_signature_is_malformed_and_no_crash():
    deep = base64.urlsafe_b64encode(b'{"a":' + b"[" * 100_000).rstrip(b"=").decode()

    with pytest.raises(MalformedJws):
        parse_jws(f"e30.{deep}.".encode())


def test_a_scan_has_a_row_for_each_piece_and_verifies_it_with_the_key_that_is_given(repo, scan):
    (row,) = scan(repo.path).outcome.evidence
    assert (row.evidence_id, row.kind, row.spec_id, row.tier) == (
        "EV-SPEC-001-001",
        "evidence_jws",
        "SPEC-001-001",
        "OQ",
    )
    assert (row.signature, row.signer, row.algorithm, row.intact) == ("unverifiable", "ada", "ES256", True)
    assert (row.passed, row.failed, row.skipped, row.user_story) == (3, 0, 1, "US-001-001")
    assert row.time.isoformat() == "2026-01-02T03:04:05.678000+00:00"

    (verified,) = scan(repo.path, key=public_pem()).outcome.evidence
    assert verified.signature == "verified"


def test_a_wrong_key_makes_an_error_and_no_key_makes_none(repo, scan):
    other = signing.ECKey.generate_key("P-256").as_pem(private=False).decode()

    scanned = scan(repo.path, key=other)

    assert [row.signature for row in scanned.outcome.evidence] == ["invalid"]
    assert scanned.rules == {"evidence-signature", "evidence-tiers-missing"}
    assert scan(repo.path).outcome.findings == ()


def test_keys_come_from_the_workers_environment_and_from_the_repository_too(repo, scan, tmp_path, monkeypatch):
    repo.commit({"keys/release.pem": public_pem(), ".scanwatch.toml": '[evidence]\nkeys = ["keys/release.pem"]\n'})
    assert [row.signature for row in scan(repo.path).outcome.evidence] == ["verified"]

    repo.commit({".scanwatch.toml": '[evidence]\nkeys = ["keys/lost.pem"]\n'})
    assert scan(repo.path).rules == {"configuration-invalid"}

    (tmp_path / "keys.pem").write_text(public_pem())
    monkeypatch.setenv("SCANWATCH_EVIDENCE_KEYS", str(tmp_path / "keys.pem"))
    repo.commit({".scanwatch.toml": None})
    assert [row.signature for row in scan(repo.path).outcome.evidence] == ["verified"]

    monkeypatch.setenv("SCANWATCH_EVIDENCE_KEYS", str(tmp_path / "none.pem"))
    with pytest.raises(ScannerError, match="SCANWATCH_EVIDENCE_KEYS names a file"):
        scan(repo.path)


def test_a_key_that_is_none_ends_the_scan_with_the_reason(repo, scan):
    with pytest.raises(ScannerError, match=r"key that was given cannot be used: .* neither PEM"):
        scan(repo.path, key="hello")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("nonsense", "evidence-malformed"),
        (unsigned({"alg": "none"}), "evidence-algorithm"),
        (signed(result(timestamp=None)), "evidence-field-missing"),
        (signed(result(spec_id="SPEC-009-009")), "evidence-spec-unknown"),
        (signed(result(spec_id="SPEC-001-002")), "evidence-spec-differs"),
        (signed(result(test_results={"passed": 1, "failed": 2})), "evidence-tests-failed"),
        (signed(result(exp=1)), "evidence-expired"),
    ],
    ids=["malformed", "none", "no time", "unknown spec", "other spec", "failed", "expired"],
)
def test_what_is_wrong_with_a_signed_result_is_found(repo, scan, text, rule):
    repo.commit({FILE: text})

    scanned = scan(repo.path)

    assert rule in scanned.rules
    assert {finding.file for finding in scanned.findings(rule)} == {FILE}


def test_a_package_that_holds_has_a_row_and_no_finding(repo, scan):
    repo.commit({FILE: None, **in_record(package())})

    scanned = scan(repo.path, key=public_pem())

    assert scanned.outcome.findings == ()
    (row,) = scanned.outcome.evidence
    assert (row.evidence_id, row.tier, row.signature, row.intact) == (signing.PACKAGE, "OQ", "verified", True)
    assert (row.passed, row.spec_id) == (3, "SPEC-001-001")


def test_the_signature_may_have_the_name_of_either_draft_and_the_package_either_place(repo, scan):
    files = package()
    files["signature.jws"] = files.pop("manifest.jws")
    repo.commit({FILE: None, **in_record(files, f".gxp/evidence/{signing.PACKAGE}")})

    scanned = scan(repo.path, key=public_pem())

    assert ([row.signature for row in scanned.outcome.evidence], scanned.outcome.findings) == (["verified"], ())


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        (package({"manifest.json": None}), {"package-incomplete"}),
        (package({"manifest.jws": None}), {"package-incomplete"}),
        (package({"manifest.json": "[]"}), {"evidence-malformed"}),
        (package({"manifest.json": '{"files": 3}'}), {"package-incomplete", "package-unlisted", DIFFERS}),
        (package({"test-output.log": "4 passed\n"}), {"package-tampered"}),
        (package({"environment.json": None}), {"package-tampered", "package-contents"}),
        (package({"extra.txt": "hi"}), {"package-unlisted"}),
        (package(tier="PQ", files=[]), {"package-unlisted"}),
        (package({"manifest.jws": "a.b.c"}), {"evidence-malformed"}),
    ],
    ids=["manifest", "signature", "list", "no files", "changed", "absent", "unlisted", "empty", "malformed"],
)
def test_the_four_checks_of_a_package(repo, scan, files, rules):
    repo.commit({FILE: None, **in_record(files)})

    scanned = scan(repo.path, key=public_pem())

    assert scanned.rules - {"evidence-tiers-missing"} == rules
    assert not scanned.outcome.evidence[0].intact


def test_the_checks_of_a_package_come_in_their_order(repo, scan):
    changes = {"manifest.jws": None, "test-output.log": "x", "extra.txt": "", "artifacts/coverage-report.json": None}
    repo.commit({FILE: None, **in_record(package(changes))})

    rules = [finding.rule for finding in scan(repo.path).outcome.findings if finding.rule.startswith("package")]

    assert rules == [
        "package-incomplete",
        "package-tampered",
        "package-tampered",
        "package-unlisted",
        "package-contents",
    ]


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", "", "a//b", "./../a"])
def test_a_path_that_leads_out_of_the_package_is_refused(repo, scan, path):
    repo.commit({FILE: None, **in_record(package(files=[{"path": path, "sha256": "0" * 64}]))})

    assert len(scan(repo.path).findings("package-path")) == 1


def test_a_link_in_a_package_is_refused_and_not_followed(repo, scan):
    files = package()
    repo.commit({FILE: None, **in_record(files)})
    link = repo.path / f".gxp/evidence/packages/{signing.PACKAGE}/environment.json"
    link.unlink()
    link.symlink_to("/etc/passwd")
    repo.commit()

    scanned = scan(repo.path)

    assert "package-path" in scanned.rules
    assert "file-not-regular" in scanned.rules


@pytest.mark.parametrize(("form", "between"), [("rfc", b""), ("with-nul", b"\0")])
def test_the_form_of_the_state_hash_that_matches_is_named(repo, scan, form, between):
    commit = repo.commit({"src/a/b.py": "B\n", "src/.hidden/c": "C", "src/node_modules/d": "D"})
    digest = hashlib.sha256(b"a/b.py" + between + b"B\n" + b"card.py" + between + b"CARD = 1\n").hexdigest()
    repo.commit({FILE: signed(result(git_commit=commit, system_state_hash=digest))})

    scanned = scan(repo.path)

    assert [row.state_hash_form for row in scanned.outcome.evidence] == [form]
    assert "evidence-state-differs" not in scanned.rules


def test_the_sources_of_the_state_hash_can_be_named(repo, scan):
    commit = repo.commit({"lib/a.py": "A"})
    digest = hashlib.sha256(b"a.pyA").hexdigest()
    settings = {".scanwatch.toml": '[evidence]\nsource_roots = ["lib"]\n'}
    repo.commit({FILE: signed(result(git_commit=commit, system_state_hash=digest)), **settings})

    assert scan(repo.path).outcome.evidence[0].state_hash_form == "rfc"


def test_a_state_hash_that_is_in_no_form_right_is_found_and_one_of_an_unknown_commit_is_not(repo, scan):
    commit = repo.git("rev-parse", "HEAD")
    repo.commit({FILE: signed(result(git_commit=commit))})
    assert scan(repo.path).rules == {"evidence-state-differs"}

    repo.commit({FILE: signed(result(git_commit="f" * 40))})
    assert scan(repo.path).outcome.findings == ()


def test_a_requirement_of_high_risk_demands_all_tiers_two_signers_and_makes_errors(repo, good_record, scan):
    requirement = ".gxp/requirements/REQ-001-pay.md"
    high = {requirement: good_record[requirement].replace("LOW", "HIGH")}
    repo.commit(high)

    scanned = scan(repo.path)

    (missing,) = scanned.findings("evidence-tiers-missing")
    assert (missing.level, missing.artifact_id) == ("error", "REQ-001")
    assert "no evidence of IQ, PQ" in missing.message
    assert [finding.level for finding in scanned.findings("evidence-one-signer")] == ["warning"]

    repo.commit({FILE: None})
    assert [finding.level for finding in scan(repo.path).findings("spec-without-evidence")] == ["error"]


def test_a_spec_without_evidence_is_a_warning_where_the_risk_is_low(repo, scan):
    repo.commit({FILE: None})

    assert [(finding.rule, finding.level) for finding in scan(repo.path).outcome.findings] == [
        ("spec-without-evidence", "warning")
    ]


def test_verifying_without_the_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)

    with pytest.raises(WrongKey, match=r"pip install 'scanwatch\[evidence\]'"):
        read_keys(public_pem())
