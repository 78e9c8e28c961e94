"""``scanwatch token``: make, list and revoke API keys, at the gateway that runs or in a store that none serves."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from .. import wire
from .._local import Discovery, default_store, discover
from ..client._address import Address, parse_address
from ..client._live._rest import Rest
from ..errors import UsageError
from ..gateway._auth import new_key
from ..model import AuditEntry, Role
from ..storage import open_store
from ._exit import Exit

ACTOR = "command line"
"""Who the trail says made or revoked a key in a store that no gateway serves."""


def token(arguments: argparse.Namespace) -> int:
    """Do what ``arguments.act`` says, and print what came of it."""
    acts = {"create": _create, "list": _list, "revoke": _revoke}
    return asyncio.run(acts[arguments.act](arguments))


async def _create(arguments: argparse.Namespace) -> int:
    expires_at = None if arguments.expires is None else datetime.now(UTC) + timedelta(seconds=arguments.expires)
    address = _gateway(arguments)
    if address is None:
        made = await _created_in_store(arguments, expires_at)
    else:
        said = wire.encode_new_token(arguments.name, Role(arguments.role), arguments.repository, expires_at)
        made = await _ask(address, "POST", wire.paths.tokens, said)
    if arguments.json:
        sys.stdout.write(f"{json.dumps(made)}\n")
    else:
        sys.stdout.write(f"{made['token']}\n")
        sys.stderr.write(f"This is token {made['id']} of {made['name']}. It is not shown again: keep it now.\n")
    return Exit.COMPLETED


async def _list(arguments: argparse.Namespace) -> int:
    address = _gateway(arguments)
    rows = await _listed_in_store(arguments) if address is None else await _ask(address, "GET", wire.paths.tokens)
    if arguments.json:
        sys.stdout.writelines(f"{json.dumps(row)}\n" for row in rows)
    else:
        _print(rows)
    return Exit.COMPLETED


async def _revoke(arguments: argparse.Namespace) -> int:
    if not wire.is_id(arguments.id):
        raise UsageError(f"{arguments.id!r} is not the id of a token; `scanwatch token list` shows them.")
    address = _gateway(arguments)
    if address is None:
        await _revoked_in_store(arguments)
    else:
        await _ask(address, "DELETE", wire.paths.token(arguments.id))
    sys.stderr.write(f"Token {arguments.id} is revoked.\n")
    return Exit.COMPLETED


def _gateway(arguments: argparse.Namespace) -> Address | None:
    """The gateway to ask: the one named, else the one that serves the store; ``None`` if none does."""
    own = os.environ.get("SCANWATCH_TOKEN") or None
    url = arguments.gateway or (None if arguments.store else os.environ.get("SCANWATCH_URL"))
    if url:
        return parse_address(url, own)
    found: Discovery | None = discover(_store(arguments))
    return None if found is None else parse_address(found.url, found.token)


def _store(arguments: argparse.Namespace) -> str:
    return arguments.store or os.environ.get("SCANWATCH_STORE") or default_store()


async def _ask(address: Address, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    rest = Rest(address)
    try:
        return await rest.ask(method, path, body=body)
    finally:
        await rest.close()


async def _created_in_store(arguments: argparse.Namespace, expires_at: datetime | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    key, secret = new_key(
        name=arguments.name,
        role=Role(arguments.role),
        now=now,
        repositories=arguments.repository,
        expires_at=expires_at,
        created_by=ACTOR,
    )
    store = open_store(_store(arguments))
    await store.open()
    try:
        await store.create_key(key)
        await store.add_audit(AuditEntry(now, "token.create", ACTOR, key_id=key.id))
    finally:
        await store.close()
    return wire.encode_token(key, secret)


async def _listed_in_store(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    store = open_store(_store(arguments))
    await store.open()
    try:
        return [wire.encode_token(key) for key in await store.keys()]
    finally:
        await store.close()


async def _revoked_in_store(arguments: argparse.Namespace) -> None:
    now, wanted = datetime.now(UTC), arguments.id.lower()
    store = open_store(_store(arguments))
    await store.open()
    try:
        await store.revoke_key(wanted, now)
        await store.add_audit(AuditEntry(now, "token.revoke", ACTOR, key_id=wanted))
    finally:
        await store.close()


def _print(rows: list[dict[str, Any]]) -> None:
    keys = [wire.decode_token(row) for row in rows]
    table = Table(
        Column("id", no_wrap=True, min_width=36), "name", "role", "repositories", "expires", "state", box=None
    )
    for key in keys:
        if key.revoked_at is not None:
            state = "revoked"
        else:
            state = "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "valid"
        repositories = "all" if key.repositories is None else ", ".join(key.repositories)
        ends = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(key.id, key.name, key.role.value, repositories, ends, state)
    Console().print(table)
