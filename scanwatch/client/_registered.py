"""The repositories of a gateway by their targets: found, or registered when a target is scanned for the first time."""

from __future__ import annotations

import asyncio

from ..errors import GatewayAnswerError
from ._target import Wanted
from ._transport import Transport

ALREADY_THERE = frozenset({409, 500})
"""How gateways answer a repository that exists; those in the field with 500."""


class Registered:
    """What is known of a gateway's repositories. Used on the background loop alone."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids: dict[str, str] = {}
        self._asking: asyncio.Lock = asyncio.Lock()
        self._listed = False
        """Whether they were listed once: to list them for every new target takes longer and longer."""

    async def id_of(self, wanted: Wanted) -> str:
        """The id of the target's repository, registered if it is not yet; one registration at a time."""
        async with self._asking:
            known = self._ids.get(wanted.target)
            if known is None and not self._listed:
                known = await self._find(wanted.target)
            return known or await self._add(wanted)

    async def again(self, wanted: Wanted) -> str:
        """The id of a repository that is not there as it was known: lists may be minutes old."""
        async with self._asking:
            self._ids.pop(wanted.target, None)
            return await self._add(wanted)

    async def _find(self, target: str) -> str | None:
        for repository in await self._transport.repositories():
            self._ids[repository.target] = repository.id
        self._listed = True
        return self._ids.get(target)

    async def _add(self, wanted: Wanted) -> str:
        try:
            repository = await self._transport.add_repository(wanted.name, wanted.target)
        except GatewayAnswerError as error:
            found = await self._find(wanted.target) if error.status in ALREADY_THERE else None
            if found is None:
                raise
            return found
        self._ids[wanted.target] = repository.id
        return repository.id
