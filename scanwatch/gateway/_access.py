"""What a gateway has to tell who may do what, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..errors import UnknownRecord
from ..jobs import Clock
from ..model import Event
from ..storage import Store
from ._audit import Trail
from ._auth import Caller, Doors, Gatekeeper, JwtRules, JwtVerifier, Keyring
from ._configuration import GatewayConfig
from ._limits import Pace, Places
from ._scopes import Scopes
from ._targets import TargetRules

REFUSALS_PER_MINUTE = 120
"""Wrong tokens from one address in a minute, before it has to wait."""


@dataclass(frozen=True, slots=True)
class Access:
    """Everything asked before something is done."""

    gatekeeper: Gatekeeper
    keyring: Keyring
    doors: Doors
    trail: Trail
    pace: Pace
    messages: Pace
    refusals: Pace
    places: Places
    targets: TargetRules
    scopes: Scopes
    max_repositories: int

    def heard(self, events: Sequence[Event]) -> None:
        """Events of the store: a scan that has ended leaves its place."""
        for event in events:
            if event.terminal:
                self.places.give_back(event.scan_id)


async def make_access(config: GatewayConfig, store: Store, clock: Clock) -> Access:
    """As configured, with the keys of an open store.

    Raises:
        ConfigurationError: the key for JSON Web Tokens is none.
    """
    keyring, scopes = Keyring(store), Scopes()
    await keyring.load()
    await scopes.load(store)
    return Access(
        gatekeeper=_gatekeeper(config, keyring, clock.now),
        keyring=keyring,
        doors=Doors(config.allow_hosts, config.allow_origins),
        trail=Trail(store, clock),
        pace=Pace(config.max_requests_per_minute, clock.monotonic),
        messages=Pace(config.max_requests_per_minute, clock.monotonic),
        refusals=Pace(REFUSALS_PER_MINUTE, clock.monotonic),
        places=Places(config.max_scans_per_token),
        targets=TargetRules(config.allow_schemes, config.local_paths_allowed, config.private_targets_allowed),
        scopes=scopes,
        max_repositories=config.max_repositories,
    )


def _gatekeeper(config: GatewayConfig, keyring: Keyring, now: Callable[[], datetime]) -> Gatekeeper:
    jwt = None
    if config.jwt_key is not None:
        rules = JwtRules(config.jwt_key, config.jwt_algorithm, config.jwt_audience or "", config.jwt_issuer or "")
        jwt = JwtVerifier(rules)
    return Gatekeeper(config.token, config.user, keyring=keyring, now=now, jwt=jwt)


async def require_repository(store: Store, caller: Caller, repository_id: str) -> None:
    """Raise ``UnknownRecord`` unless the repository is there and ``caller`` sees it: it is not told which."""
    if caller.scope is None:
        return
    repository = await store.repository(repository_id)
    if not caller.sees(repository.id, repository.target):
        raise UnknownRecord(f"There is no repository {repository_id} in this store.")


async def require_scan(store: Store, caller: Caller, scan_id: str) -> None:
    """Raise ``UnknownRecord`` unless the scan is there and ``caller`` sees its repository."""
    if caller.scope is None:
        return
    try:
        await require_repository(store, caller, (await store.request(scan_id)).repository_id)
    except UnknownRecord:
        raise UnknownRecord(f"There is no scan {scan_id} in this store.") from None
