"""The manifest ``gxp-product.md``: what the product is called, what its ids start with, which others it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ....model import Artifact, Finding
from .. import frontmatter as yaml
from ..checks import SEMANTIC_VERSION
from ..discover import MANIFEST
from ..documents import read_text
from ..markdown import Value
from ..rules import Rule
from ..rules.product import MANIFEST_SCHEMA, MANIFEST_VERSION
from ..text import legible

_CODE = re.compile(r"[A-Z][A-Z0-9]*")
_REQUIRED = (("product_name",), ("version",), ("product_code",), ("id_schema",), ("sync", "mode"))
_SYSTEM = (("sync", "system_of_record_id"), ("sync", "system_of_record"))
_MODES = frozenset({"repo-first", "sor-first"})
_CATEGORIES = frozenset({"1", "2", "3", "4", "5"})


@dataclass(frozen=True, slots=True)
class Product:
    """What the manifest says; ``others`` are the codes of products that are used, whose ids are not here."""

    code: str | None = None
    others: frozenset[str] = frozenset()
    values: Mapping[tuple[str, ...], Value] = field(default_factory=dict)

    def artifact(self) -> Artifact:
        """The row of the inventory for the manifest."""
        risk, title = self.values.get(("gxp_metadata", "risk_impact")), self.values.get(("product_name",))
        code = self.values.get(("product_code",))
        return Artifact(
            artifact_id=self.code or MANIFEST,
            kind="system_context",
            title=title.text if title else None,
            risk=risk.text if risk else None,
            file=MANIFEST,
            line=code.line if code else 1,
        )


def read_manifest(raw: bytes) -> tuple[Product, list[Finding]]:
    """The manifest, and what is wrong with it."""
    text, findings = read_text(raw, MANIFEST)
    if text is None:
        return Product(), findings
    try:
        root = yaml.read_front_matter(text).root
    except yaml.FrontMatterError as error:
        return Product(), [*findings, _at(MANIFEST_SCHEMA, f"{MANIFEST} cannot be read: {error.reason}.", error.line)]
    values = dict(_scalars(root))
    code = values.get(("product_code",))
    valid = code is not None and _CODE.fullmatch(code.text) is not None
    product = Product(code.text if code and valid else None, frozenset(_others(root)), values)
    return product, [*findings, *_check(values, valid), *_check_parts(root)]


def _scalars(root: yaml.Mapping, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Value]]:
    for key, node in root.entries.items():
        if isinstance(node, yaml.Scalar) and node.text and node.text.strip():
            yield (*above, key), Value(legible(node.text.strip()), node.line)
        elif isinstance(node, yaml.Mapping) and not above:
            yield from _scalars(node, (key,))


def _others(root: yaml.Mapping) -> Iterator[str]:
    for name, key in (("composition", "product_code"), ("dependencies", "id_prefix")):
        listed = root.entries.get(name)
        for item in listed.items if isinstance(listed, yaml.Sequence) else ():
            code = item.entries.get(key) if isinstance(item, yaml.Mapping) else None
            if isinstance(code, yaml.Scalar) and code.text:
                yield code.text.strip().rstrip("-")


def _check(values: Mapping[tuple[str, ...], Value], valid_code: bool) -> Iterator[Finding]:
    for path in _REQUIRED:
        if path not in values:
            yield _at(MANIFEST_SCHEMA, f"The manifest has no {'.'.join(path)}.", 1)
    if not any(path in values for path in _SYSTEM):
        yield _at(MANIFEST_SCHEMA, f"The manifest has no {'.'.join(_SYSTEM[0])}.", 1)
    version = values.get(("version",))
    if version and not SEMANTIC_VERSION.fullmatch(version.text):
        yield _at(MANIFEST_VERSION, f"The version {version.text!r} is not a semantic version.", version.line)
    code = values.get(("product_code",))
    if code and not valid_code:
        yield _at(MANIFEST_SCHEMA, f"The product code {code.text!r} is not in upper case.", code.line)
    for path, known in ((("sync", "mode"), _MODES), (("gxp_metadata", "gamp_category"), _CATEGORIES)):
        value = values.get(path)
        if value and value.text not in known:
            message = f"{'.'.join(path)} is {value.text!r}, not one of {', '.join(sorted(known))}."
            yield _at(MANIFEST_SCHEMA, message, value.line)


def _check_parts(root: yaml.Mapping) -> Iterator[Finding]:
    """What the entries of ``composition`` lack: which product each is, and of what version."""
    listed = root.entries.get("composition")
    for item in listed.items if isinstance(listed, yaml.Sequence) else ():
        said = {key: value for (key, *_), value in _scalars(item)} if isinstance(item, yaml.Mapping) else {}
        missing = [name for name in ("repo", "product_code") if name not in said]
        if "version" not in said and "version_constraint" not in said:
            missing.append("version")
        if missing:
            message = f"An entry of composition has no {' and no '.join(missing)}."
            yield _at(MANIFEST_SCHEMA, message, item.line)
        version = said.get("version")
        if version and not SEMANTIC_VERSION.fullmatch(version.text):
            message = f"The version {version.text!r} of a part is not a semantic version."
            yield _at(MANIFEST_VERSION, message, version.line)


def _at(rule: Rule, message: str, line: int) -> Finding:
    return rule.finding(message, file=MANIFEST, line=line)
