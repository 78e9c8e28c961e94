"""Which gateway ``connect()`` would take and why, with which token, and whether it answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .._connect import connect
from .._credentials import without_credentials
from .._local import default_store, discover, store_file
from ..client._address import parse_address
from ..errors import GatewayError, ScanwatchError
from ..model import ConnectionState
from ._check import Check, State

TOPIC = "Gateway"


def check_gateway(gateway: str | None = None) -> Iterator[Check]:
    """The one that is named, else the one of the environment, else one of this user's own; none is started."""
    url = gateway or os.environ.get("SCANWATCH_URL")
    if url:
        why = "given with --gateway" if gateway else "named by SCANWATCH_URL"
        yield from _named(url, why, os.environ.get("SCANWATCH_TOKEN") or None)
    else:
        yield from _own()


def _named(url: str, why: str, token: str | None) -> Iterator[Check]:
    try:
        address = parse_address(url, token)
        proxy = address.proxy
    except ScanwatchError as error:
        yield Check(TOPIC, "which", State.WRONG, f"{why}: {error}")
        return
    yield Check(TOPIC, "which", State.OK, f"{address.url}, {why}")
    yield _token(token)
    if proxy:
        yield Check(TOPIC, "proxy", State.OK, f"by way of {without_credentials(proxy)}, as the environment says")
    yield _answer(address.url, token)


def _token(token: str | None) -> Check:
    if token is None:
        return Check(TOPIC, "token", State.OK, "none (SCANWATCH_TOKEN is not set)")
    return Check(TOPIC, "token", State.OK, f"the one in SCANWATCH_TOKEN, of {len(token)} characters")


def _own() -> Iterator[Check]:
    store = default_store()
    yield Check(TOPIC, "which", State.OK, "one of your own: neither --gateway nor SCANWATCH_URL names another")
    path = store_file(store)
    if path is not None:
        yield check_place(path, TOPIC)
    found = discover(store)
    if found is None:
        yield Check(TOPIC, "answers", State.OK, "none runs; connect() starts one, with a random token")
        return
    yield Check(TOPIC, "token", State.OK, "the one of its discovery file, which only you can read")
    yield _answer(found.url, found.token)


def check_place(store: Path, topic: str) -> Check:
    """Whether the store is there, or could be made."""
    existing = next(path for path in (store, *store.parents) if path.exists())
    remedy = "set SCANWATCH_HOME to a folder that this account may write to"
    if existing != store and not existing.is_dir():
        return Check(topic, "keeps scans in", State.WRONG, f"{store}, but {existing} is no folder", remedy)
    if os.access(existing, os.W_OK):
        size = f"{store.stat().st_size / 1e6:.1f} MB" if store.exists() else "not there yet"
        return Check(topic, "keeps scans in", State.OK, f"{store} ({size})")
    return Check(topic, "keeps scans in", State.WRONG, f"{store}, but {existing} may not be written to", remedy)


def _answer(url: str, token: str | None) -> Check:
    try:
        with connect(url, token) as client:
            return _standing(client.connection.state, client.connection.reason, url)
    except GatewayError as error:
        return Check(TOPIC, "answers", State.UNREACHABLE, str(error))
    except ScanwatchError as error:
        return Check(TOPIC, "answers", State.WRONG, str(error))


def _standing(state: ConnectionState, reason: str | None, url: str) -> Check:
    if state is ConnectionState.LIVE:
        return Check(TOPIC, "answers", State.OK, f"{url} lets us in, and pushes events")
    remedy = "let the way there pass WebSockets or long polls below socket.io/"
    words = f"{url} answers, but its events do not pass ({reason or state}); the records are read instead"
    return Check(TOPIC, "answers", State.WRONG, words, remedy)
