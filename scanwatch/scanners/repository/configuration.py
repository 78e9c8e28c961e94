"""How a repository wants to be scanned: ``.scanwatch.toml`` at its top, read from the commit, and options over it.

::

    strict = true                      # every warning counts as an error

    [sources]
    exclude = ["legacy/"]              # left out besides the usual
    include = ["vendor/"]              # of the usual exclusions, these do not hold

    [rules]                            # other levels: error, warning or info
    title-missing = "info"

    [evidence]
    keys = ["keys/release.pem"]        # public keys in this repository
    source_roots = ["packages/api/src"]  # what the state hash goes over

    [[suppress]]
    rule = "spec-without-evidence"
    artifact = "SPEC-001-*"            # optional, a pattern
    file = ".gxp/specs/*"              # optional, a pattern
    reason = "Not yet qualified."      # why it is accepted; must be there

Nothing in it hides a finding: what is suppressed is listed, and marked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ...model import FINDING_LEVELS, Finding
from .rules import RULES
from .rules.configuration import CONFIGURATION_INVALID, SUPPRESSION_UNUSED
from .source.selection import EXCLUDED
from .text import legible

FILE = ".scanwatch.toml"
MAX_BYTES = 256 * 1024

_RULE_IDS = frozenset(rule.id for rule in RULES)
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "sources": ("exclude", "include"),
    "evidence": ("keys", "source_roots"),
}
_SUPPRESSION = frozenset({"rule", "artifact", "file", "reason"})


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that are accepted, and why."""

    rule: str
    reason: str
    artifact: str = "*"
    file: str = "*"

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is one of them."""
        return (
            self.rule == finding.rule
            and fnmatchcase(finding.artifact_id or "", self.artifact)
            and fnmatchcase(finding.file or "", self.file)
        )


@dataclass(slots=True)
class Configuration:
    """How to scan; ``findings`` say what is wrong with the settings themselves."""

    strict: bool = False
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    levels: dict[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    source_roots: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    findings: list[Finding] = field(default_factory=list)

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The patterns of what is not read."""
        return (*(pattern for pattern in EXCLUDED if pattern not in self.include), *self.exclude)

    def judge(self, findings: Iterable[Finding]) -> list[Finding]:
        """``findings`` with their levels as configured and those that are accepted marked, each with its reason."""
        used: set[Suppression] = set()
        judged = []
        for finding in findings:
            finding = replace(finding, level=self._level(finding))
            accepted = next((one for one in self.suppressions if one.covers(finding)), None)
            if accepted is not None:
                used.add(accepted)
                finding = replace(finding, suppressed=True, message=f"{finding.message} Accepted: {accepted.reason}")
            judged.append(finding)
        unused = (one for one in self.suppressions if one not in used)
        judged += [SUPPRESSION_UNUSED.finding(f"Nothing is there for {_name(one)}.", file=FILE) for one in unused]
        return judged

    def _level(self, finding: Finding) -> str:
        level = self.levels.get(finding.rule, finding.level)
        return "error" if self.strict and level == "warning" else level


def read_configuration(raw: bytes | None) -> Configuration:
    """The configuration in a file's bytes; ``None`` stands for no file. Whatever is wrong is a finding."""
    read = Configuration()
    if raw is None:
        return read
    try:
        said = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        read.findings.append(_wrong(f"{FILE} cannot be read: {error}"))
        return read
    for name, value in said.items():
        _take(read, name, value)
    return read


def _take(read: Configuration, name: str, value: Any) -> None:
    if name == "strict" and isinstance(value, bool):
        read.strict = value
    elif name == "rules" and isinstance(value, dict):
        _take_levels(read, value)
    elif name == "suppress" and isinstance(value, list):
        read.suppressions = tuple(one for entry in value if (one := _suppression(entry, read)))
    elif name in _SECTIONS and isinstance(value, dict):
        _take_section(read, name, value)
    else:
        read.findings.append(_wrong(f"{name} is no setting, or has a value of the wrong kind.{_guess(name, _known())}"))


def _take_section(read: Configuration, section: str, entries: Mapping[str, Any]) -> None:
    for name, value in entries.items():
        is_list = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        if name in _SECTIONS[section] and is_list:
            setattr(read, name, tuple(value))
        else:
            guess = _guess(name, _SECTIONS[section])
            read.findings.append(_wrong(f"{section}.{name} is no setting, or is no list of texts.{guess}"))


def _take_levels(read: Configuration, entries: Mapping[str, Any]) -> None:
    for rule, level in entries.items():
        if rule not in _RULE_IDS:
            read.findings.append(_wrong(f"There is no rule {rule}.{_guess(rule, _RULE_IDS)}"))
        elif level not in FINDING_LEVELS:
            read.findings.append(_wrong(f"The level of {rule} is not error, warning or info."))
        else:
            read.levels[rule] = level


def _suppression(entry: Any, read: Configuration) -> Suppression | None:
    texts = isinstance(entry, dict) and all(isinstance(value, str) and value.strip() for value in entry.values())
    if not texts or entry.keys() - _SUPPRESSION or not {"rule", "reason"} <= entry.keys():
        read.findings.append(_wrong("A suppression has a rule and a reason, may have an artifact and a file, no more."))
    elif entry["rule"] not in _RULE_IDS:
        read.findings.append(_wrong(f"There is no rule {entry['rule']}.{_guess(entry['rule'], _RULE_IDS)}"))
    else:
        return Suppression(**entry)
    return None


def _known() -> tuple[str, ...]:
    return ("strict", "rules", "suppress", *_SECTIONS)


def _guess(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" Is {close[0]} meant?" if close else ""


def _name(suppression: Suppression) -> str:
    patterns = [one for one in (suppression.artifact, suppression.file) if one != "*"]
    return " ".join([suppression.rule, *patterns])


def _wrong(message: str) -> Finding:
    return CONFIGURATION_INVALID.finding(legible(message), file=FILE)
