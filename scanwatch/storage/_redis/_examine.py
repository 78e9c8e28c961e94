"""Looks at a Redis as a store of scans: what it is, how it keeps things, and what to set otherwise. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import StoreError, StoreUnavailable
from ._address import RedisAddress
from ._keys import Keys
from ._link import Link
from ._preflight import OLDEST, SCHEMA, is_clustered, version_of

SLOW_S = 0.02
FULL = 0.8

_NEEDED: tuple[tuple[str, ...], ...] = (
    ("HSET", "{}:meta", "schema", "1"),
    ("EVAL", "return 1", "0"),
    ("EVALSHA", "0" * 40, "0"),
    ("SCRIPT", "LOAD", "return 1"),
    ("XADD", "{}:feed", "*", "event", ""),
    ("XREAD", "BLOCK", "1", "STREAMS", "{}:feed", "$"),
    ("ZADD", "{}:scans", "1", "scan"),
    ("RENAME", "{}:a", "{}:b"),
    ("UNLINK", "{}:a"),
)
"""What a gateway and a worker ask of Redis, one of each kind; ``{}`` is the prefix."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was looked at."""

    subject: str
    state: Literal["ok", "note", "wrong", "unreachable"]
    words: str
    remedy: str | None = None


async def examine(address: RedisAddress) -> AsyncIterator[Observation]:
    """Look at everything; the first that makes the rest pointless is the last that is said."""
    link = Link(address)
    try:
        begun = time.monotonic()
        await link.call("PING")
        yield _answers(address, time.monotonic() - begun)
        info = await link.call("INFO")
        for observation in (_version(info), _mode(info), *_durability(info), *_memory(info)):
            yield observation
        yield await _rights(link, address)
        yield await _contents(link, address)
    except StoreUnavailable as error:
        yield Observation("answers", "unreachable", str(error))
    except StoreError as error:
        yield Observation("answers", "wrong", str(error))
    finally:
        await link.close()


def _answers(address: RedisAddress, after_s: float) -> Observation:
    words = f"{address.shown}, in {1000 * after_s:.1f} ms, {'over TLS' if address.tls else 'without TLS'}"
    if after_s > SLOW_S:
        remedy = "every event is one round trip at least: keep gateways and workers near their Redis"
        return Observation("answers", "note", words, remedy)
    return Observation("answers", "ok", words)


def _version(info: dict[str, Any]) -> Observation:
    redis, valkey = info.get("redis_version", "?"), info.get("valkey_version")
    words = f"Redis {redis}" if valkey is None else f"Valkey {valkey} (as Redis {redis})"
    if version_of(info) < OLDEST:
        return Observation("version", "wrong", words, "upgrade it: Redis 6.2 is the oldest that will do")
    return Observation("version", "ok", words)


def _mode(info: dict[str, Any]) -> Observation:
    if is_clustered(info):
        return Observation("mode", "wrong", "it is part of a cluster", "give a Redis of its own; replicas are fine")
    if info.get("role") == "slave":
        primary = f"{info.get('master_host')}:{info.get('master_port')}"
        return Observation("mode", "wrong", "it is a replica, which is read only", f"give its primary, {primary}")
    return Observation("mode", "ok", f"a primary with {info.get('connected_slaves', 0)} replicas")


def _durability(info: dict[str, Any]) -> list[Observation]:
    if not info.get("aof_enabled"):
        remedy = "CONFIG SET appendonly yes, and the same in its configuration file"
        words = "no append-only file: what came after the last snapshot is lost when it ends"
        return [Observation("durability", "wrong", words, remedy)]
    if info.get("aof_last_write_status", "ok") != "ok":
        return [Observation("durability", "wrong", "it cannot write its append-only file", "make room on its disk")]
    return [Observation("durability", "ok", "append-only file; with appendfsync everysec a crash may take a second")]


def _memory(info: dict[str, Any]) -> list[Observation]:
    policy, used, limit = info.get("maxmemory_policy"), int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    found = [Observation("eviction", "ok", "noeviction: it forgets nothing by itself")]
    if policy not in (None, "noeviction"):
        remedy = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
        found = [Observation("eviction", "wrong", f"{policy}: it may drop scans and jobs when memory is short", remedy)]
    words = f"{used / 1e6:.0f} MB used" + (f" of {limit / 1e6:.0f} MB" if limit else ", no maxmemory set")
    if limit and used > FULL * limit:
        remedy = "raise maxmemory, or keep less (--keep, --keep-events): a full one takes no scans"
        found.append(Observation("memory", "wrong", words, remedy))
    elif not limit:
        found.append(Observation("memory", "note", words, "set one below the machine's memory, with room to fork"))
    else:
        found.append(Observation("memory", "ok", words))
    return found


async def _rights(link: Link, address: RedisAddress) -> Observation:
    try:
        user = (await link.call("ACL", "WHOAMI")).decode()
    except StoreError:
        return Observation("rights", "note", "it does not let us ask which user we are", "allow +acl|whoami to see it")
    denied = []
    for command in _NEEDED:
        words = [part.format(address.prefix) for part in command]
        try:
            answer = await link.call("ACL", "DRYRUN", user, *words)
        except StoreError:
            remedy = f"see that it may do this: {rights_for(address.prefix)}"
            return Observation("rights", "note", f"user {user}, which may not ask what it may do", remedy)
        if answer not in (b"OK", True):
            denied.append(command[0])
    if denied:
        remedy = f"ACL SETUSER {user} {rights_for(address.prefix)}"
        return Observation("rights", "wrong", f"user {user} may not do {', '.join(denied)}", remedy)
    return Observation("rights", "ok", f"user {user} may do what is needed below {address.prefix}:")


def rights_for(prefix: str) -> str:
    """The rules of an ACL user for a gateway or a worker."""
    queue = "bull" if prefix == "scanwatch" else prefix
    patterns = " ".join(dict.fromkeys((f"~{prefix}:*", f"~{queue}:*")))
    return f"{patterns} +@all -@admin -@dangerous +info"


async def _contents(link: Link, address: RedisAddress) -> Observation:
    keys = Keys(address.prefix)
    schema, scans, feed = await link.calls(
        [("HGET", keys["meta"], "schema"), ("ZCARD", keys["scans"]), ("XLEN", keys["feed"])]
    )
    if schema is None:
        return Observation("contents", "ok", f"nothing below {address.prefix}: yet; a gateway begins it")
    if int(schema) > SCHEMA:
        words = f"written by a newer scanwatch (schema {int(schema)}, this one knows {SCHEMA})"
        return Observation("contents", "wrong", words, "upgrade scanwatch, or give another prefix")
    return Observation("contents", "ok", f"{scans} scans below {address.prefix}:, {feed} entries in the feed")
