"""The tags of a comment, in every dialect in use: what each names, and what the tags beside it say about it.

========== ==========================================================================================================
dialect    tags of its own
========== ==========================================================================================================
draft-02   ``@gxp-tag``, ``@gxp-criticality``
draft-03   ``@gxp-req``, ``@gxp-spec``, ``@gxp-story``, ``@gxp-risk-concern``; GxP.MD 2 has the same
gxp.md-3   ``@gxp-satisfies``, ``@gxp-implements``, ``@gxp-verifies``, ``@gxp-derives-from``, ``@gxp-depends-on``,
           ``@gxp-phase``; beside them the colons of rosie-1.1 are this dialect's
rosie-1.1  ``@gxp-id:``, ``@gxp-traces:``, ``@gxp-type:``, ``@gxp-title:``, ``@gxp-desc:``: any tag with a colon
========== ==========================================================================================================

``@gxp-risk``, ``@test-type``, ``@trace`` and ``@requirement`` are shared: they are of the dialect of the tags beside
them. A block may hold several ids with what is said of each: the second ``@gxp-spec`` behind a ``@gxp-risk`` begins a
new group, and each risk stays with its own spec. Ids that follow each other share what is said after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice

import msgspec

from ....model import Annotation, Finding
from ..rules.annotations import ANNOTATION_ID_MISSING, ANNOTATION_TAG_UNKNOWN, SOURCE_TAGS_OMITTED
from ..text import legible
from .comments import MAX_TAGS, Block

DRAFT_02, DRAFT_03, GXP_MD_3, ROSIE_1_1 = "draft-02", "draft-03", "gxp.md-3", "rosie-1.1"

_OF_DIALECT: Mapping[str, str] = {
    **dict.fromkeys(("gxp-tag", "gxp-criticality"), DRAFT_02),
    **dict.fromkeys(("gxp-req", "gxp-spec", "gxp-story", "gxp-risk-concern"), DRAFT_03),
    **dict.fromkeys(("gxp-satisfies", "gxp-implements", "gxp-verifies", "gxp-derives-from"), GXP_MD_3),
    **dict.fromkeys(("gxp-depends-on", "gxp-phase"), GXP_MD_3),
    **dict.fromkeys(("gxp-id", "gxp-traces", "gxp-type", "gxp-title", "gxp-desc"), ROSIE_1_1),
}
NAMES = frozenset(
    {"gxp-tag", "gxp-req", "gxp-spec", "gxp-story", "gxp-satisfies", "gxp-implements", "gxp-verifies", "gxp-id"}
)
"""Tags that say what the code is, implements or verifies."""
TRACES = frozenset({"trace", "traces", "requirement", "gxp-traces", "gxp-derives-from", "gxp-depends-on"})
"""Tags that say what that belongs to."""
_RISK = frozenset({"gxp-risk", "gxp-criticality"})
_TEST_TYPE = frozenset({"test-type", "gxp-type"})
_PHASE = frozenset({"gxp-phase"})
_WORDED = _RISK | _TEST_TYPE | _PHASE
"""Tags behind which a word stands."""
_OTHER = frozenset({"gxp-risk-concern", "gxp-title", "gxp-desc"}) | _PHASE
_KNOWN = NAMES | TRACES | _RISK | _TEST_TYPE | _OTHER

MAX_TRACES = 100
"""Ids that one tag is said to trace to: each of the tags beside them has them all."""

_TAG = re.compile(r"(?<![\w@`.\"'/])@(?P<tag>gxp-[a-z-]*[a-z]|traces?|requirement|test-type)(?P<colon>:?)(?![\w`-])")
_ID = r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+(?![\w-])"
_IDS = re.compile(rf"[ \t]*\{{?[ \t]*{_ID}(?:(?:\s*,\s*|[ \t]+){_ID})*")
_ONE_ID = re.compile(_ID)
_TITLE = re.compile(r"[ \t}]*\"(?P<title>[^\"\n]+)\"")
_WORD = re.compile(r"[ \t]*\{?[ \t]*(?P<word>\w[\w-]*)")
_DECORATION = re.compile(r"(?m)\A[rRuU]?[\"']+|^[ \t]*(?:/\*+!?|\*+/?|//[/!]*|#+!?)|\*+/[ \t]*$")


class Reference(msgspec.Struct, frozen=True):
    """One id that a tag names; ``title`` is what follows it in quotation marks, so that the tag declares it.

    ``block`` is the first line of the comment it stands in, ``phase`` what the tag of that name says there.
    """

    annotation: Annotation
    title: str | None = None
    block: int = 1
    phase: str | None = None


class _Written(msgspec.Struct, frozen=True):
    """A tag as it stands in a block."""

    tag: str
    colon: bool
    line: int
    ids: tuple[tuple[str, int], ...] = ()
    word: str | None = None
    title: str | None = None


@dataclass(slots=True)
class _Group:
    """Tags that belong together."""

    tags: list[_Written] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    closing: bool = False
    """Whether something was said of the names before: the next name of the same tag begins a new group."""

    @property
    def traces(self) -> tuple[str, ...]:
        """The ids that these tags are said to trace to, each once."""
        return tuple(dict.fromkeys(one for tag in self.tags if tag.tag in TRACES for one, _ in tag.ids))

    def first_word(self, tags: frozenset[str]) -> str | None:
        return next((tag.word for tag in self.tags if tag.tag in tags and tag.word), None)


def read_block(block: Block, file: str) -> tuple[list[Reference], list[Finding]]:
    """What the tags of a block name, one reference for each id of each tag, and what is wrong with them."""
    written = list(islice(_tags(block), MAX_TAGS))
    if not any(tag.tag in _OF_DIALECT or tag.tag == "gxp-risk" or tag.ids for tag in written):
        return [], [_unknown(tag, file) for tag in written if tag.tag.startswith("gxp-")]
    dialect = _dialect(written)
    phase = next((tag.word.upper() for tag in written if tag.tag in _PHASE and tag.word), None)
    groups = _groups(written)
    references = [
        Reference(annotation, title, block.line, phase)
        for group in groups
        for annotation, title in _annotations(group, file=file, shared=dialect)
    ]
    return references, [*_findings(written, file), *_omitted(groups, file)]


def _tags(block: Block) -> Iterator[_Written]:
    text = _DECORATION.sub(" ", block.text)
    line, counted = block.line, 0
    for found in _TAG.finditer(text):
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        tag, end = found["tag"], found.end()
        ids = _IDS.match(text, end)
        title = _TITLE.match(text, ids.end()) if ids else None
        word = _WORD.match(text, end) if tag in _WORDED else None
        yield _Written(
            tag,
            bool(found["colon"]),
            line,
            tuple(_located(ids, text, line, end)) if ids else (),
            legible(word["word"], 40) if word else None,
            legible(title["title"]) if title else None,
        )


def _located(ids: re.Match[str], text: str, line: int, counted: int) -> Iterator[tuple[str, int]]:
    """The ids behind a tag that ends at ``counted`` in ``line``, each with its own line."""
    alone = ids[0].strip(" \t{")
    if alone.replace("-", "").isalnum():  # as nearly always: one, and no need to search for it
        yield alone[:200], line
        return
    for one in _ONE_ID.finditer(text, ids.start(), ids.end()):
        line, counted = line + text.count("\n", counted, one.start()), one.start()
        yield one[0][:200], line


def _dialect(written: Sequence[_Written]) -> str:
    """The dialect of the tags that several share: that of the first tag which is of one alone."""
    if any(_OF_DIALECT.get(tag.tag) == GXP_MD_3 for tag in written):
        return GXP_MD_3
    for tag in written:
        if tag.colon:
            return ROSIE_1_1
        if tag.tag in _OF_DIALECT:
            return _OF_DIALECT[tag.tag]
    return DRAFT_03


def _groups(written: Iterable[_Written]) -> list[_Group]:
    groups = [_Group()]
    for tag in written:
        group = groups[-1]
        if tag.tag in NAMES:
            if group.closing and tag.tag in group.named:
                group = _Group()
                groups.append(group)
            group.named.add(tag.tag)
        elif group.named:
            group.closing = True
        group.tags.append(tag)
    return groups


def _annotations(group: _Group, *, file: str, shared: str) -> Iterator[tuple[Annotation, str | None]]:
    """Each id of each tag that belongs together, with its title."""
    risk, test_type = group.first_word(_RISK), group.first_word(_TEST_TYPE)
    traces = group.traces[:MAX_TRACES]
    for tag in group.tags:
        if tag.tag not in NAMES | TRACES:
            continue
        dialect = ROSIE_1_1 if tag.colon else _OF_DIALECT.get(tag.tag, shared)
        if dialect == ROSIE_1_1 and shared == GXP_MD_3:
            dialect = GXP_MD_3  # which has its ids and colons too
        for artifact_id, line in tag.ids:
            annotation = Annotation(
                file=file,
                line=line,
                artifact_id=artifact_id,
                tag=tag.tag,
                dialect=dialect,
                test_type=test_type,
                risk=risk,
                traces=traces if tag.tag in NAMES else (),
                resolved=True,  # as most are; whoever knows the record says of which it is not so
            )
            yield annotation, tag.title


def _findings(written: Sequence[_Written], file: str) -> Iterator[Finding]:
    for tag in written:
        if tag.tag not in _KNOWN:
            yield _unknown(tag, file)
        elif tag.tag in NAMES | TRACES and not tag.ids:
            yield ANNOTATION_ID_MISSING.finding(f"@{tag.tag} names no id.", file=file, line=tag.line)


def _omitted(groups: Iterable[_Group], file: str) -> Iterator[Finding]:
    for group in groups:
        if (named := len(group.traces)) > MAX_TRACES:
            message = f"Tags beside each other trace to {named} ids; the first {MAX_TRACES} were taken for each."
            yield SOURCE_TAGS_OMITTED.finding(message, file=file, line=group.tags[0].line)


def _unknown(tag: _Written, file: str) -> Finding:
    message = f"There is no tag @{legible(tag.tag, 60)}.{_guess(tag.tag[:60])}"
    return ANNOTATION_TAG_UNKNOWN.finding(message, file=file, line=tag.line)


@lru_cache
def _guess(tag: str) -> str:
    close = get_close_matches(tag, sorted(_KNOWN), n=1)
    return f" Is @{close[0]} meant?" if close else ""
