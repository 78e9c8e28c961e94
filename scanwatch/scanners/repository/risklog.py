"""The risk log in both of its forms: one line for each entry (draft 02), or a heading with bullets (draft 03)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...model import Artifact, Finding
from .rules.links import RISK_ENTRY_MALFORMED
from .text import legible

_LINE = re.compile(r"\[(?P<date>\d{4}-\d{2}-\d{2})\]\s*(?P<id>RISK-[\w-]+)\s*\|(?P<rest>.*)")
_HEADING = re.compile(r"##\s+(?P<id>RISK-[\w-]+)\s*(?:[:\u2013\u2014-]\s*(?P<title>\S.*))?$")
_BULLET = re.compile(r"[-*]\s+\**(?P<key>[A-Za-z][A-Za-z ]{0,40}?)\**\s*:\**\s*(?P<value>.*)")
_MEANT_AS_ENTRY = re.compile(r"\[\d|\s*##?\s*RISK|\s*RISK-")
_REFERENCE = re.compile(r"\b(?:REQ|US|SPEC)(?:-INF)?(?:-\d{3}(?!\d))+")


@dataclass(frozen=True, slots=True)
class RiskEntry:
    """One entry: ``about`` are the ids it names as its component, ``mentions`` those it names elsewhere as tested."""

    artifact_id: str
    line: int
    title: str | None = None
    level: str | None = None
    status: str | None = None
    has_status: bool = True
    """Whether entries of this form carry a status at all."""
    about: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()

    def artifact(self, file: str) -> Artifact:
        """The row of the inventory for this entry."""
        return Artifact(
            artifact_id=self.artifact_id,
            kind="risk_entry",
            title=self.title,
            risk=self.level,
            status=self.status,
            parent_id=self.about[0] if self.about else None,
            file=file,
            line=self.line,
        )


@dataclass(slots=True)
class _Open:
    """A draft-03 entry whose bullets are being read."""

    artifact_id: str
    line: int
    title: str | None
    bullets: dict[str, str] = field(default_factory=dict)

    def close(self) -> RiskEntry:
        component = self.bullets.get("component", "") + " " + self.bullets.get("requirement", "")
        return RiskEntry(
            self.artifact_id,
            self.line,
            title=self.title,
            level=self.bullets.get("risk level"),
            status=self.bullets.get("status"),
            about=_references(component),
            mentions=_references(self.bullets.get("test coverage", "")),
        )


def read_risk_log(text: str, file: str) -> tuple[list[RiskEntry], list[Finding]]:
    """The entries of a risk log in its order, and a finding for each line that was meant as one and is none."""
    entries: list[RiskEntry] = []
    findings: list[Finding] = []
    opened: _Open | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        heading, single = _HEADING.match(line), _LINE.match(line)
        if (heading or single or line.startswith("## ")) and opened is not None:
            entries.append(opened.close())
            opened = None
        if heading:
            opened = _Open(legible(heading["id"], 200), number, _shown(heading["title"]))
        elif single:
            entries.append(_single(single, number))
        elif opened is not None and (bullet := _BULLET.match(line)):
            opened.bullets.setdefault(bullet["key"].lower(), legible(bullet["value"].strip(" *")))
        elif _MEANT_AS_ENTRY.match(line):
            message = f"Line {number} looks like an entry and cannot be read: {legible(line, 80)}"
            findings.append(RISK_ENTRY_MALFORMED.finding(message, file=file, line=number))
    if opened is not None:
        entries.append(opened.close())
    return entries, findings


def _single(match: re.Match[str], line: int) -> RiskEntry:
    component, *parts = [part.strip() for part in match["rest"].split("|")]
    named = {key.strip().lower(): value.strip() for key, _, value in (part.partition(":") for part in parts)}
    return RiskEntry(
        legible(match["id"], 200),
        line,
        title=_shown(named.get("impact")),
        level=_shown(named.get("risk")),
        has_status=False,
        about=_references(component),
        mentions=_references(named.get("test coverage", "")),
    )


def _references(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_REFERENCE.findall(text)))


def _shown(text: str | None) -> str | None:
    return legible(text) if text else None
