"""The store in a Redis or Valkey that many gateways and workers share: see ``_store`` for what it is."""

from __future__ import annotations

from ._address import RedisAddress, parse_address
from ._examine import Observation, examine
from ._store import RedisStore

__all__ = ["Observation", "RedisAddress", "RedisStore", "examine", "parse_address"]
