"""JSON Schemas of what is sent, made from the very types that encode and decode it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ._records import Record

REF = "#/components/schemas/{name}"


def schemas(answers: Iterable[Any], requests: Iterable[Any] = ()) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type (mostly a reference), and the named schemas they refer to.

    Decoding is lenient, encoding is not: in an answer every key of a record is there.
    """
    asked = list(dict.fromkeys(requests))
    kinds = list(dict.fromkeys([*answers, *asked]))
    found, named = msgspec.json.schema_components(kinds, ref_template=REF)
    complete = {kind.__name__ for kind in _below(Record)} - {getattr(kind, "__name__", "") for kind in asked}
    for name, schema in named.items():
        if name.partition("_")[0] in complete:  # a page of rows is named for both, with a line between
            schema["required"] = list(schema["properties"])
    return dict(zip(kinds, found, strict=True)), named


def query_parameters(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """The parameters of a URL's query, as OpenAPI lists them."""
    (_,), named = msgspec.json.schema_components([kind])
    (schema,) = named.values()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": of_it}
        for name, of_it in schema["properties"].items()
    ]


def _below(kind: type[Any]) -> Iterable[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
