"""A product's nodes and tags as one graph: what is above each, and what the rules have to say about the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ....model import Annotation, Artifact, Evidence, Finding
from ..circles import circle_message, circles
from ..discover import EXECUTION
from ..documents import Document
from ..documents import artifact as row_of
from ..rules import Rule
from ..rules.documents import ID_DUPLICATE, ID_PATTERN
from ..rules.evidence import EVIDENCE_TESTS_FAILED
from ..rules.links import TRACE_CIRCULAR
from ..rules.product import TEST_ORPHAN, TRACE_ORPHAN, TRACE_REQUIREMENT_MISSING, TRACE_UNRESOLVED
from .ids import KINDS, SPEC, TEST, code_of, level_of, word_of
from .manifest import Product

_EDGES = ("traces", "gxp_traces", "parent_id")


@dataclass(frozen=True, slots=True)
class Node:
    """One thing with an id, and where it is declared; ``traces`` are the ids it names, each with its line."""

    artifact_id: str
    file: str
    line: int
    traces: tuple[tuple[str, int], ...] = ()
    document: Document | None = None
    risk: str | None = None

    def finding(self, rule: Rule, message: str, line: int | None = None) -> Finding:
        """A rule broken by this node."""
        return rule.finding(message, file=self.file, line=line or self.line, artifact_id=self.artifact_id)


class ProductGraph:
    """The nodes of a product: those of its documents, and those that tags declare."""

    def __init__(self, product: Product, documents: Iterable[Document], annotations: Iterable[Annotation]) -> None:
        self._product = product
        declared = [_node_of_document(one) for one in documents]
        declared += [_node_of_tag(one) for one in annotations if one.tag == "gxp-id" and word_of(one.artifact_id)]
        self.nodes: dict[str, Node] = {}
        self._again: list[Node] = []
        for node in declared:
            first = self.nodes.setdefault(node.artifact_id, node)
            # A document may describe what a tag in the sources then declares: that is one node in two places.
            if first is not node and (first.document is None) == (node.document is None):
                self._again.append(node)
            elif first is not node:
                self.nodes[node.artifact_id] = replace(first, traces=(*first.traces, *node.traces))
        self._near: dict[str, set[str]] = defaultdict(set)
        for node in self.nodes.values():
            for other, _ in node.traces:
                if other in self.nodes and other != node.artifact_id:
                    self._near[node.artifact_id].add(other)
                    self._near[other].add(node.artifact_id)

    def parent(self, artifact_id: str) -> str | None:
        """What is next above a node, along its traces in either direction: the nearest level, then the first id."""
        level = _level(artifact_id)
        above = [one for one in self._near.get(artifact_id, ()) if _level(one) < level]
        return min(above, key=lambda one: (-_level(one), one), default=None)

    def artifacts(self) -> list[Artifact]:
        """A row for each requirement, story and spec."""
        nodes = [node for node in self.nodes.values() if _level(node.artifact_id) < TEST]
        return [replace(_row(node), parent_id=self.parent(node.artifact_id)) for node in nodes]

    def evidence(self, rows: Iterable[Evidence]) -> list[Evidence]:
        """The rows with the spec that each test traces to."""
        return [replace(row, spec_id=self.parent(row.evidence_id)) for row in rows]

    def check(self, evidence: Sequence[Evidence]) -> Iterator[Finding]:
        """What the rules have to say about the whole."""
        for node in self._again:
            first = self.nodes[node.artifact_id]
            yield node.finding(ID_DUPLICATE, f"{node.artifact_id} is also the id at {first.file}:{first.line}.")
        for node in self.nodes.values():
            yield from self._check_node(node)
        for circle in circles({one.artifact_id: self._beside(one) for one in self.nodes.values()}):
            yield self.nodes[circle[0]].finding(TRACE_CIRCULAR, circle_message(circle))
        for row in evidence:
            if row.failed:
                message = f"{row.evidence_id} failed."
                yield EVIDENCE_TESTS_FAILED.finding(message, file=EXECUTION, artifact_id=row.evidence_id)
            if row.evidence_id not in self.nodes:
                message = f"{EXECUTION} has a result of {row.evidence_id}, which no test declares."
                yield TRACE_UNRESOLVED.finding(message, file=EXECUTION, artifact_id=row.evidence_id)

    def _beside(self, node: Node) -> list[str]:
        """What a node traces to on its own level; between levels, up is up in whichever of the two it is written."""
        return [other for other, _ in node.traces if _level(other) == _level(node.artifact_id)]

    def _check_node(self, node: Node) -> Iterator[Finding]:
        own, level = node.artifact_id, _level(node.artifact_id)
        if self._product.code and code_of(own) != self._product.code:
            yield node.finding(ID_PATTERN, f"{own} does not start with the product's code {self._product.code}.")
        if node.document is not None:  # of tags it is said where the tags are checked
            for other, line in node.traces:
                if other not in self.nodes and code_of(other) not in self._product.others:
                    yield node.finding(TRACE_UNRESOLVED, f"{own} traces to {other}, which does not exist.", line)
        if not self._near.get(own):
            rule = TEST_ORPHAN if level == TEST else TRACE_ORPHAN
            yield node.finding(rule, f"{own} traces to nothing, and nothing to it.")
        elif level == SPEC and not any(_level(one) < level for one in self._near[own]):
            yield node.finding(TRACE_REQUIREMENT_MISSING, f"{own} traces to no requirement.")


def _node_of_document(document: Document) -> Node:
    named = (value for name in _EDGES for value in document.fields.get(name, ()))
    traces = tuple(dict.fromkeys((value.text, value.line) for value in named))
    return Node(document.artifact_id, document.file, document.line, traces, document)


def _node_of_tag(annotation: Annotation) -> Node:
    traces = tuple((one, annotation.line) for one in annotation.traces)
    return Node(annotation.artifact_id, annotation.file, annotation.line, traces, risk=annotation.risk)


def _row(node: Node) -> Artifact:
    if node.document is not None:
        return row_of(node.document)
    kind = KINDS[word_of(node.artifact_id) or "DS"]
    return Artifact(node.artifact_id, kind, risk=node.risk, file=node.file, line=node.line)


def _level(artifact_id: str) -> int:
    level = level_of(artifact_id)
    return TEST if level is None else level


def declared_kinds(graph: ProductGraph) -> Mapping[str, str]:
    """The ids of the graph and their kinds, for whatever refers to them."""
    return {one: KINDS.get(word_of(one) or "", "test") for one in graph.nodes}
