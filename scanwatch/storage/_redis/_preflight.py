"""Whether a Redis can carry a store, in words if it cannot."""

from __future__ import annotations

from typing import Any

from ...errors import StoreError
from ._keys import Keys
from ._link import Link

OLDEST = (6, 2)
"""The first version with all that the scripts ask for (``XTRIM MINID``, ``ZRANGE ... BYSCORE REV``)."""
SCHEMA = 1


async def make_ready(link: Link, keys: Keys) -> None:
    """Check that the store can be used, and mark it as ours.

    Raises:
        StoreError: it is too old, part of a cluster, or a newer scanwatch's.
        StoreUnavailable: it cannot be reached, is full, or may only be read.
    """
    what = f"The store {link.address.shown} cannot be used"
    server = await link.call("INFO")
    if version_of(server) < OLDEST:
        named = server.get("redis_version", "?")
        raise StoreError(f"{what}: it is Redis {named}, and 6.2 is the oldest that will do. Upgrade it.")
    if is_clustered(server):
        raise StoreError(f"{what}: it is part of a cluster, which scanwatch does not speak. Give a Redis of its own.")
    await link.call("HSETNX", keys["meta"], "schema", SCHEMA)
    schema = int(await link.call("HGET", keys["meta"], "schema"))
    if schema > SCHEMA:
        raise StoreError(
            f"{what}: it was written by a newer scanwatch (its schema is {schema}, this one knows {SCHEMA}). "
            "Upgrade scanwatch, or give another prefix."
        )


def is_clustered(server: dict[str, Any]) -> bool:
    """Whether a server is part of a cluster."""
    return server.get("cluster_enabled") == 1


def version_of(server: dict[str, Any]) -> tuple[int, int]:
    """The version of Redis that a server says it is compatible with."""
    parts = str(server.get("redis_version", "0.0")).split(".")
    return int(parts[0]), int(parts[1])
