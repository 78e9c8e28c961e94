"""The whole older record of one commit: read file by file, then joined with the tags of the sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ....model import Annotation, Artifact, Evidence, Finding
from ..discover import Source
from ..documents import Document
from .execution import read_execution
from .graph import ProductGraph, declared_kinds
from .manifest import Product, read_manifest
from .nodes import read_nodes


@dataclass(slots=True)
class OlderRecord:
    """What was read of it so far."""

    product: Product = field(default_factory=Product)
    documents: list[Document] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def take(self, source: Source, raw: bytes) -> None:
        """Read one of its files."""
        if source.kind == "product_manifest":
            self.product, found = read_manifest(raw)
        elif source.kind == "product_execution":
            self.evidence, found = read_execution(raw)
        else:
            nodes = read_nodes(source, raw)
            self.documents += nodes.documents
            found = list(nodes.findings)
        self.findings += found

    def joined(self, annotations: Iterable[Annotation]) -> JoinedRecord:
        """The record with the nodes that tags declare."""
        graph = ProductGraph(self.product, self.documents, annotations)
        evidence = graph.evidence(self.evidence)
        results = [
            Artifact(one.evidence_id, one.kind, tier=one.tier, parent_id=one.spec_id, file=one.file) for one in evidence
        ]
        return JoinedRecord(
            (self.product.artifact(), *graph.artifacts(), *results),
            tuple(evidence),
            (*self.findings, *graph.check(evidence)),
            declared_kinds(graph),
        )


@dataclass(frozen=True, slots=True)
class JoinedRecord:
    """What there is to say of it; ``kinds`` are those of its ids."""

    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
