"""All evidence of a commit: a row for each piece, and what the rules have to say about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ....model import Artifact, Evidence, Finding
from ..git import TreeEntry
from ..lfs import is_pointer
from ..memory import Memory
from ..record import Record
from ..rules import Rule
from ..rules.evidence import (
    EVIDENCE_ALGORITHM,
    EVIDENCE_EXPIRED,
    EVIDENCE_FIELD_MISSING,
    EVIDENCE_MALFORMED,
    EVIDENCE_SIGNATURE,
    EVIDENCE_SPEC_DIFFERS,
    EVIDENCE_SPEC_UNKNOWN,
    EVIDENCE_STATE_DIFFERS,
    EVIDENCE_TESTS_FAILED,
    EVIDENCE_UNSIGNED,
    EVIDENCE_VALUE_UNKNOWN,
)
from ..rules.reading import FILE_ELSEWHERE
from ..text import legible, path_text
from . import packages, testing
from .demands import requirements_of
from .jws import Jws, MalformedJws, parse_jws
from .keys import ALGORITHMS, PublicKey, Verdict, verify
from .packages import MANIFEST, MAX_DOCUMENT_BYTES, METADATA, Package
from .state import States

_TEST_RESULTS = "artifacts/test-results.json"
_STATE_NAMES = ("system_state_hash", "system_state")


@dataclass(slots=True)
class Assessment:
    """What came of it."""

    rows: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Assessor:
    """Assesses evidence of one commit with the keys that were given."""

    def __init__(self, memory: Memory, entries: Iterable[TreeEntry], keys: Sequence[PublicKey], states: States) -> None:
        self._memory = memory
        self._keys = keys
        self._states = states
        prefix = b".gxp/evidence/"
        self._entries = {path_text(one.path): one for one in entries if one.path.startswith(prefix)}

    def assess(self, evidence: Iterable[Artifact], record: Record) -> Assessment:
        """Rows and findings for each piece, in the order given."""
        assessment = Assessment()
        for artifact in evidence:
            one = _Piece(artifact, self._states, record)
            assess = {"evidence_package": self._package, "evidence_record": self._tested}.get(
                artifact.kind, self._signed
            )
            row = assess(one)
            assessment.rows.append(row)
            assessment.findings.extend(one.findings)
        return assessment

    def _signed(self, piece: _Piece) -> Evidence:
        """A signed result on its own."""
        assert piece.artifact.file is not None
        signed, verdict = self._signature(piece, piece.artifact.file)
        payload = {} if signed is None else signed.payload
        if signed is not None:
            piece.require(payload, {"spec_id": ("spec_id",), "timestamp": ("timestamp",)})
            piece.require(payload, {"system_state_hash": _STATE_NAMES, "test_results": ("test_results",)})
        return piece.row(payload, _object(payload.get("test_results")), signed, verdict)

    def _tested(self, piece: _Piece) -> Evidence:
        """A record of testing."""
        file = piece.artifact.file
        assert file is not None
        said: Mapping[str, str] = {}
        try:
            said = testing.read_record(self._read(file) or b"", file)
        except testing.MalformedRecord as error:
            piece.say(EVIDENCE_MALFORMED, f"{file} cannot be read: {error}.")
        else:
            piece.require(said, {name: (name,) for name in testing.FIELDS})
        for wrong in testing.wrong_values(said):
            piece.say(EVIDENCE_VALUE_UNKNOWN, f"{piece.artifact.artifact_id} says {wrong}, which is not known.")
        return piece.record_row(said)

    def _package(self, piece: _Piece) -> Evidence:
        """A package: the four checks in their order, then what its tier demands."""
        package = self._collect(piece.artifact)
        missing = list(packages.check_presence(package))
        piece.findings += missing
        manifest = packages.read_object(self._read(f"{package.folder}/{MANIFEST}"))
        signed, verdict = None, Verdict.MISSING
        if package.signature_file is not None:
            signed, verdict = self._signature(piece, f"{package.folder}/{package.signature_file}")
        if manifest is None and MANIFEST in package.files:
            piece.say(EVIDENCE_MALFORMED, f"The manifest of {package.package_id} is not a JSON object.")
        if manifest is not None:
            if signed is not None:
                piece.findings += packages.check_manifest(package, manifest, signed.payload)
            piece.findings += packages.check_files(package, manifest, self._memory)
        piece.findings += packages.check_contents(package)
        metadata = packages.read_object(self._read(f"{package.folder}/{METADATA}")) or {}
        results = packages.read_object(self._read(f"{package.folder}/{_TEST_RESULTS}")) or {}
        return piece.row({**(manifest or {}), **metadata}, results, signed, verdict)

    def _collect(self, artifact: Artifact) -> Package:
        assert artifact.file is not None
        start = artifact.file + "/"
        files = {path.removeprefix(start): one for path, one in self._entries.items() if path.startswith(start)}
        return Package(artifact.file, artifact.artifact_id, artifact.tier, files)

    def _signature(self, piece: _Piece, file: str) -> tuple[Jws | None, Verdict]:
        raw = self._read(file) or b""
        if is_pointer(raw):
            piece.say(FILE_ELSEWHERE, f"{file} is in large-file storage; the commit holds a pointer to it.", file)
            return None, Verdict.UNVERIFIABLE
        try:
            signed = parse_jws(raw)
        except MalformedJws as error:
            piece.say(EVIDENCE_MALFORMED, f"{file} cannot be read: {error}.", file)
            return None, Verdict.INVALID
        verdict = verify(signed, self._keys)
        if signed.algorithm not in ALGORITHMS:
            named = legible(str(signed.header.get("alg")), 40)
            piece.say(EVIDENCE_ALGORITHM, f"{file} says the algorithm {named!r}, which proves nothing.", file)
        elif verdict is Verdict.INVALID:
            piece.say(EVIDENCE_SIGNATURE, f"The signature of {file} is not right for the key that was given.", file)
        return signed, verdict

    def _read(self, file: str) -> bytes | None:
        entry = self._entries.get(file)
        if entry is None or not entry.is_file or (entry.size_bytes or 0) > MAX_DOCUMENT_BYTES:
            return None
        return next(self._memory.contents([entry.oid]))


class _Piece:
    """One piece of evidence while it is looked at."""

    def __init__(self, artifact: Artifact, states: States, record: Record) -> None:
        self.artifact = artifact
        self.findings: list[Finding] = []
        self._states = states
        self._record = record

    def say(self, rule: Rule, message: str, file: str | None = None) -> None:
        """A rule is broken."""
        self.findings.append(
            rule.finding(message, file=file or self.artifact.file, artifact_id=self.artifact.artifact_id)
        )

    def require(self, payload: Mapping[str, Any], wanted: Mapping[str, Sequence[str]]) -> None:
        """Say which of the wanted fields the payload has under none of their names."""
        for name, names in wanted.items():
            if not any(payload.get(one) for one in names):
                self.say(EVIDENCE_FIELD_MISSING, f"{self.artifact.artifact_id} has no {name}.")

    def row(
        self, said: Mapping[str, Any], results: Mapping[str, Any], signed: Jws | None, verdict: Verdict
    ) -> Evidence:
        """The row, once everything is read; says what is wrong with what it says."""
        spec_id, counts = self._spec(said), _counts(results)
        state_hash = next((text for name in _STATE_NAMES if (text := _text(said, name))), None)
        commit = _text(said, "git_commit")
        if counts[1]:
            self.say(EVIDENCE_TESTS_FAILED, f"{self.artifact.artifact_id} records {counts[1]} failed tests.")
        if signed is not None:
            self._expiry(signed.payload.get("exp"))
        return Evidence(
            evidence_id=self.artifact.artifact_id,
            kind=self.artifact.kind,
            file=self.artifact.file or "",
            spec_id=spec_id,
            tier=_text(said, "verification_tier", "tier") or self.artifact.tier,
            user_story=_text(said, "traced_user_story"),
            signature=verdict.value,
            signer=legible(signed.key_id, 200) if signed and signed.key_id else None,
            algorithm=legible(signed.algorithm, 40) if signed and signed.algorithm else None,
            time=_time(said, "timestamp", "created_at"),
            commit=commit,
            state_hash=state_hash,
            state_hash_form=self._state_form(commit, state_hash),
            passed=counts[0],
            failed=counts[1],
            skipped=counts[2],
            intact=not any(finding.level == "error" for finding in self.findings),
        )

    def record_row(self, said: Mapping[str, str]) -> Evidence:
        """The row of a record of testing, which counts as one test; it has the tier of its spec."""
        spec_id, result = self._spec(said), said.get("result")
        spec = self._record.by_id.get(spec_id or "")
        for requirement in () if spec is None else requirements_of(spec, self._record):
            if (requirement.text("risk") or "").upper() == "HIGH":
                message = f"{self.artifact.artifact_id} is not signed, and {requirement.artifact_id} is of HIGH risk."
                self.say(EVIDENCE_UNSIGNED, message)
        if result in testing.FAILED:
            self.say(EVIDENCE_TESTS_FAILED, f"{self.artifact.artifact_id} records that the test failed.")
        return Evidence(
            evidence_id=self.artifact.artifact_id,
            kind=self.artifact.kind,
            file=self.artifact.file or "",
            spec_id=spec_id,
            tier=spec.text("tier") if spec else None,
            signature=Verdict.UNSIGNED.value,
            signer=said.get("tester"),
            time=_time(said, "test_date"),
            passed=int(result in testing.PASSED) if result else None,
            failed=int(result not in testing.PASSED) if result else None,
            intact=not any(finding.level == "error" for finding in self.findings),
        )

    def _spec(self, said: Mapping[str, Any]) -> str | None:
        by_name, inside = self.artifact.parent_id, _text(said, "spec_id")
        if by_name and inside and by_name != inside:
            message = f"{self.artifact.artifact_id} is named after {by_name}; its contents are about {inside}."
            self.say(EVIDENCE_SPEC_DIFFERS, message)
        spec_id = inside or by_name
        if self._record.kind_of(spec_id or "") != "spec":
            self.say(EVIDENCE_SPEC_UNKNOWN, f"{self.artifact.artifact_id} is about {spec_id or 'no spec'}: not there.")
        return spec_id

    def _expiry(self, expires: object) -> None:
        if isinstance(expires, int | float) and expires < datetime.now(UTC).timestamp():
            self.say(EVIDENCE_EXPIRED, f"The signature of {self.artifact.artifact_id} has expired.")

    def _state_form(self, commit: str | None, state_hash: str | None) -> str | None:
        if commit is None or state_hash is None or state_hash.startswith("git:") or not _is_commit(commit):
            return None
        known, form = self._states.form_of(commit, state_hash)
        if known and form is None:
            message = f"{self.artifact.artifact_id} has a state hash that is in neither form that of {commit[:12]}."
            self.say(EVIDENCE_STATE_DIFFERS, message)
        return form


def _is_commit(text: str) -> bool:
    return 7 <= len(text) <= 64 and all(character in "0123456789abcdef" for character in text)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], *names: str) -> str | None:
    values = (said.get(name) for name in names)
    return next((legible(value, 200) for value in values if isinstance(value, str) and value), None)


def _counts(results: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    passed, failed, skipped = (_count(results.get(name)) for name in ("passed", "failed", "skipped"))
    return passed, failed, skipped


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _time(said: Mapping[str, Any], *names: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(said, *names) or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
