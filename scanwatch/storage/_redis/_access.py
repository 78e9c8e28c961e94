"""API keys and the trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ...errors import StoreUnavailable
from ...model import ApiKey, AuditEntry, Page
from .. import _rules
from .._records import decode_api_key, decode_audit_entry, encode
from ._feed import LENGTH
from ._keys import Keys
from ._link import Link

_TRIES = 50


class Access:
    """The keys and the trail of one store; changed by one task at a time."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def create_key(self, key: ApiKey) -> None:
        """As in ``AccessStore.create_key``."""
        _rules.check_key(key, ())
        await self._put(key)

    async def keys(self) -> list[ApiKey]:
        """As in ``AccessStore.keys``."""
        order, bodies = await self._link.calls(
            [("LRANGE", self._keys["keys:order"], 0, -1), ("HVALS", self._keys["keys"])]
        )
        kept = {key.id: key for key in map(decode_api_key, bodies)}
        return [kept[name] for name in (one.decode() for one in order) if name in kept]

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """As in ``AccessStore.revoke_key``."""
        for _ in range(_TRIES):
            old = await self._link.call("HGET", self._keys["keys"], key_id)
            if old is None:
                raise _rules.unknown_key(key_id)
            key = _rules.revoked(decode_api_key(old), at)
            if await self._put(key, old):
                return key
        raise StoreUnavailable(f"Too many processes change API key {key_id}. Try again.")

    async def add_audit(self, entry: AuditEntry) -> None:
        """As in ``AccessStore.add_audit``."""
        _rules.check_audit(entry)
        await self._link.call("LPUSH", self._keys["audit"], encode(entry))

    async def audit(self, page: int, limit: int) -> Page[AuditEntry]:
        """As in ``AccessStore.audit``."""
        first, trail = (page - 1) * limit, self._keys["audit"]
        total, rows = await self._link.calls([("LLEN", trail), ("LRANGE", trail, first, first + limit - 1)])
        return Page(tuple(map(decode_audit_entry, rows)), page, limit, total)

    async def _put(self, key: ApiKey, *old: Any) -> bool:
        """Keep it; false if somebody else has changed it meanwhile."""
        place = (key.id, key.digest, encode(key))
        answer = await self._link.run("put_key", self._keys.prefix, LENGTH, *place, *old)
        if isinstance(answer, list):
            _rules.check_key(key, map(decode_api_key, answer))
        return bool(answer == b"ok")
