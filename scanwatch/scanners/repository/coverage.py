"""Coverage as GxP.MD 3 has it: ids say nothing, explicit edges link them, and what reaches a test is covered.

Nodes are documents, blocks of tags and the ids they name; an edge may be gone along in either direction. A requirement
from which no test can be reached is not covered, however many documents stand in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...model import Evidence, Finding
from .annotations import is_test
from .record import OUT_OF_USE, Record
from .rules.links import REQUIREMENT_UNCOVERED
from .source.dialects import GXP_MD_3, Reference

_EDGES = ("parent_id", "satisfies", "implements", "depends_on")
_TEST_PHASES = frozenset({"TEST", "VALIDATION"})


def is_explicit(record: Record, references: Iterable[Reference]) -> bool:
    """Whether the record, or a tag, has edges as GxP.MD 3 writes them."""
    return any(document.first("satisfies") or document.first("implements") for document in record.documents) or any(
        reference.annotation.dialect == GXP_MD_3 for reference in references
    )


def check_coverage(
    record: Record, references: Sequence[Reference], evidence: Iterable[Evidence] = ()
) -> Iterator[Finding]:
    """The requirements in use that reach no test; nothing of a record without explicit edges."""
    if not is_explicit(record, references):
        return
    covered = _graph(record, references, evidence).covered()
    for requirement in record.of_kind("requirement"):
        in_use = (requirement.text("status") or "").lower() not in OUT_OF_USE
        if in_use and requirement.artifact_id not in covered:
            rule = REQUIREMENT_UNCOVERED
            if (requirement.text("risk") or "").upper() == "HIGH":
                rule = replace(rule, level="error")
            message = f"No test can be reached from {requirement.artifact_id}."
            yield rule.finding(
                message, file=requirement.file, line=requirement.line, artifact_id=requirement.artifact_id
            )


def _graph(record: Record, references: Iterable[Reference], evidence: Iterable[Evidence]) -> _Graph:
    graph = _Graph()
    for document in record.documents:
        for name in _EDGES:
            for value in document.fields.get(name, ()):
                graph.link(document.artifact_id, value.text)
    for reference in references:
        _add_tag(graph, reference)
    for row in evidence:
        if row.spec_id and row.intact and not row.failed:
            graph.test(row.spec_id)
    return graph


def _add_tag(graph: _Graph, reference: Reference) -> None:
    annotation = reference.annotation
    block = f"{annotation.file}\0{reference.block}"  # no id has a NUL in it
    graph.link(block, annotation.artifact_id)
    for traced in annotation.traces:
        graph.link(block, traced)
    if annotation.tag == "gxp-verifies" or reference.phase in _TEST_PHASES or is_test(annotation.file):
        graph.test(block)


class _Graph:
    """Which nodes hang together, and which of those heaps hold a test."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._tests: set[str] = set()

    def link(self, one: str, other: str) -> None:
        self._above[self._root(one)] = self._root(other)

    def test(self, node: str) -> None:
        self._tests.add(node)

    def covered(self) -> set[str]:
        """The nodes from which a test can be reached."""
        tested = {self._root(test) for test in self._tests}
        return {node for node in (*self._above, *tested) if self._root(node) in tested}

    def _root(self, node: str) -> str:
        path = []
        while (above := self._above.get(node, node)) != node:
            path.append(node)
            node = above
        for passed in path:
            self._above[passed] = node
        return node
