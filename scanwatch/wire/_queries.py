"""What a URL's query may ask for: pages, a part of a history, filters of the list of scans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeVar

import msgspec

from ..errors import WireError

Q = TypeVar("Q", bound=msgspec.Struct)


class Query(msgspec.Struct, rename="camel", kw_only=True):
    """The base of queries: camelCase names, other names are ignored."""


class PageQuery(Query, kw_only=True):
    """``?page&limit`` of every paged list."""

    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class EventsQuery(Query, kw_only=True):
    """``?after&limit`` of a scan's history."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 500


class ScansQuery(PageQuery, kw_only=True):
    """The filters of ``GET /scans``; ``status`` may be repeated or hold several words with commas between.

    ``repository`` is an id or a part of the target. ``created_from`` is within, ``created_before`` is not.
    """

    status: list[str] = []
    repository: str | None = None
    requested_by: str | None = None
    created_from: str | None = None
    created_before: str | None = None


class RepositoryScansQuery(PageQuery, kw_only=True):
    """The filters of ``GET /repositories/:id/scans``."""

    status: list[str] = []


class ArtifactsQuery(PageQuery, kw_only=True):
    """The filters of lists of artifacts: each may name several words, in whatever case."""

    kind: list[str] = []
    risk: list[str] = []
    status: list[str] = []
    tier: list[str] = []
    parent_id: str | None = None


class FindingsQuery(PageQuery, kw_only=True):
    """The filters of ``GET /scans/:id/findings``."""

    level: list[str] = []
    rule: list[str] = []
    artifact_id: str | None = None


class AnnotationsQuery(PageQuery, kw_only=True):
    """The filters of ``GET /scans/:id/annotations``."""

    artifact_id: str | None = None
    file: str | None = None
    resolved: bool | None = None


class EvidenceQuery(PageQuery, kw_only=True):
    """The filters of ``GET /scans/:id/evidence``."""

    spec_id: str | None = None
    signature: list[str] = []


def decode_query(kind: type[Q], pairs: Iterable[tuple[str, str]]) -> Q:
    """A query from its names and values; the last value of a name counts, except where several may be given.

    Raises:
        WireError: a value is not of its type or out of its bounds; the message names it.
    """
    several = {field.encode_name for field in msgspec.structs.fields(kind) if field.type == list[str]}
    values: dict[str, str | list[str]] = {}
    for name, value in pairs:
        if name in several:
            words = values.setdefault(name, [])
            assert isinstance(words, list)
            words += [word for word in value.split(",") if word]
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise WireError(f"query: {error}") from None
