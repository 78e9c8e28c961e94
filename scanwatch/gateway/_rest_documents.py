"""REST of what a repository's newest completed scan found: its documents, one list a kind, and how they link."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from .. import wire
from ..errors import UnknownRecord
from ..model import EVIDENCE_KINDS, Artifact
from ..snapshot import Snapshot
from ._inventory import Inventories, all_rows, page_of
from ._rest import SERVICES, page_answer, query, repository_id
from ._rest_filters import artifact_filter
from ._rest_operations import Operation
from ._traceability import Link, Traces

INVENTORIES: web.AppKey[Inventories] = web.AppKey("inventories", Inventories)

Encode = Callable[[Artifact, wire.Origin], dict[str, Any]]


def operations() -> tuple[Operation, ...]:
    """Every operation of documents and their links."""
    paths = wire.paths
    lists = (
        ("requirements", list_requirements, wire.RequirementPayload),
        ("user-stories", list_user_stories, wire.UserStoryPayload),
        ("specs", list_specs, wire.SpecPayload),
        ("evidence", list_evidence, wire.EvidencePayload),
    )
    return (
        Operation(
            method="GET",
            path=paths.documents("{id}", "system-context"),
            handler=get_system_context,
            summary="The system context; 404 if none was found.",
            answer=wire.SystemContextPayload,
        ),
        *(
            Operation(
                method="GET",
                path=paths.documents("{id}", kind),
                handler=handler,
                summary=f"The {kind.replace('-', ' ')} that the newest completed scan found, paged.",
                query=wire.ArtifactsQuery,
                answer=wire.PageOf[payload],  # type: ignore[valid-type]  # a type made from a value
            )
            for kind, handler, payload in lists
        ),
        Operation(
            method="GET",
            path=paths.documents("{id}", "tag-blocks"),
            handler=list_tag_blocks,
            summary="Annotations in source files, one for each id that a tag names, paged.",
            query=wire.PageQuery,
            answer=wire.PageOf[wire.TagBlockPayload],
        ),
        Operation(
            method="GET",
            path=paths.traceability("{id}", "graph"),
            handler=get_graph,
            summary="Documents and the links between them, each link once.",
            answer=wire.GraphPayload,
        ),
        Operation(
            method="GET",
            path=paths.traceability("{id}", "audit"),
            handler=get_trace_audit,
            summary="The links that do not hold, and why; 404 before the first completed scan.",
            answer=wire.TraceAuditPayload,
        ),
        Operation(
            method="GET",
            path=paths.chain("{id}", "{gxpId}"),
            handler=get_chain,
            summary="The parents of a document, nearest first, and all that hangs on it.",
            answer=wire.ChainPayload,
        ),
    )


async def get_system_context(request: web.Request) -> web.Response:
    """``GET /repositories/:id/system-context``."""
    scan, artifacts = await _newest(request)
    context = next((artifact for artifact in artifacts if artifact.kind == "system_context"), None)
    if scan is None or context is None:
        raise UnknownRecord(f"No completed scan of repository {repository_id(request)} has found a system context.")
    return web.json_response(wire.encode_system_context(context, _origin(scan, request)))


async def list_requirements(request: web.Request) -> web.Response:
    """``GET /repositories/:id/requirements``."""
    return await _documents(request, {"requirement"}, wire.encode_requirement)


async def list_user_stories(request: web.Request) -> web.Response:
    """``GET /repositories/:id/user-stories``."""
    return await _documents(request, {"user_story"}, wire.encode_user_story)


async def list_specs(request: web.Request) -> web.Response:
    """``GET /repositories/:id/specs``."""
    return await _documents(request, {"spec"}, wire.encode_spec)


async def list_evidence(request: web.Request) -> web.Response:
    """``GET /repositories/:id/evidence``."""
    scan = await request.app[INVENTORIES].newest_scan(repository_id(request))
    read = partial(request.app[SERVICES].store.evidence, scan.scan_id) if scan else None
    proofs = {row.file: row for row in await all_rows(read)} if read else {}

    def encode(row: Artifact, origin: wire.Origin) -> dict[str, Any]:
        return wire.encode_evidence(row, origin, proofs.get(row.file or ""))

    return await _documents(request, set(EVIDENCE_KINDS), encode)


async def list_tag_blocks(request: web.Request) -> web.Response:
    """``GET /repositories/:id/tag-blocks``."""
    asked = query(request, wire.PageQuery)
    scan = await request.app[INVENTORIES].newest_scan(repository_id(request))
    if scan is None:
        return web.json_response(wire.encode_page([], asked.page, asked.limit, 0))
    found = await request.app[SERVICES].store.annotations(scan.scan_id, page=asked.page, limit=asked.limit)
    origin = _origin(scan, request)
    return page_answer(found, lambda row: wire.encode_tag_block(row, origin))


async def get_graph(request: web.Request) -> web.Response:
    """``GET /repositories/:id/traceability/graph``."""
    _, artifacts = await _newest(request)
    traces = Traces(artifacts)
    edges = [
        wire.EdgePayload(source=link.parent, target=link.child, type=link.kind, valid=link.reason is None)
        for link in traces.links
    ]
    return web.json_response(wire.encode_graph(map(_node, traces.documents.values()), edges))


async def get_trace_audit(request: web.Request) -> web.Response:
    """``GET /repositories/:id/traceability/audit``."""
    scan, artifacts = await _newest(request)
    if scan is None:  # "valid" would say that somebody has looked
        raise UnknownRecord(f"No scan of repository {repository_id(request)} has completed: trigger one first.")
    broken = [_broken(link) for link in Traces(artifacts).broken]
    return web.json_response(wire.encode_trace_audit(repository_id(request), broken))


async def get_chain(request: web.Request) -> web.Response:
    """``GET /repositories/:id/traceability/chain/:gxpId``."""
    _, artifacts = await _newest(request)
    wanted, traces = request.match_info["gxpId"], Traces(artifacts)
    if wanted not in traces.documents:
        raise UnknownRecord(f"The newest completed scan of the repository has found no document {wanted[:200]!r}.")
    upstream, downstream = traces.upstream(wanted), traces.downstream(wanted)
    return web.json_response(wire.encode_chain(wanted, [*map(_node, upstream)], [*map(_node, downstream)]))


async def _newest(request: web.Request) -> tuple[Snapshot | None, tuple[Artifact, ...]]:
    return await request.app[INVENTORIES].newest(repository_id(request))


async def _documents(request: web.Request, kinds: set[str], encode: Encode) -> web.Response:
    asked = query(request, wire.ArtifactsQuery)
    scan, artifacts = await _newest(request)
    wanted = artifact_filter(asked)
    found = page_of(artifacts, lambda row: row.kind in kinds and wanted(row), page=asked.page, limit=asked.limit)
    if scan is None:
        return web.json_response(wire.encode_page([], asked.page, asked.limit, 0))
    origin = _origin(scan, request)
    return page_answer(found, lambda row: encode(row, origin))


def _origin(scan: Snapshot, request: web.Request) -> wire.Origin:
    assert scan.finished_at is not None  # it has completed
    return wire.Origin(repository_id(request), scan.scan_id, scan.finished_at)


def _node(artifact: Artifact) -> wire.NodePayload:
    return wire.NodePayload(id=artifact.artifact_id, kind=artifact.kind, title=artifact.title)


def _broken(link: Link) -> wire.BrokenLinkPayload:
    assert link.reason is not None
    return wire.BrokenLinkPayload(source_id=link.child, target_id=link.parent, link_type=link.kind, reason=link.reason)
