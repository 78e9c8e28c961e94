"""The rooms of clients that see some repositories only.

Everybody with the same scope shares a room, so an event goes to as many rooms as there are scopes among the connected
clients that cover its repository, and to none when there are none: the fan-out asks no client anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..model import Repository
from ..storage import Store
from ._auth import Scope
from ._fanout import ALL, FIELD

Change = Callable[[str, str, str], None]
"""Called with a repository's id, its old target and its new one."""


class Scopes:
    """The scopes of the clients that are connected, and which repositories each covers."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._numbers: dict[Scope, int] = {}
        self._members: Counter[Scope] = Counter()
        self._rooms: dict[str, tuple[str, ...]] = {}
        self._last = 0
        self._listeners: list[Change] = []

    async def load(self, store: Store) -> None:
        """Read the repositories' targets; call it once the store is open, and again if something was missed."""
        rows = await store.repositories()
        for repository_id in self._targets.keys() - {row.id for row in rows}:
            self.gone(repository_id)
        for row in rows:
            self.kept(row)

    @property
    def repositories(self) -> int:
        """How many repositories there are."""
        return len(self._targets)

    def covered(self, scope: Scope) -> frozenset[str]:
        """The ids of the repositories that a scope covers."""
        return frozenset(one for one, target in self._targets.items() if scope.covers(one, target))

    def kept(self, repository: Repository) -> None:
        """A repository is new, or was changed."""
        before = self._targets.get(repository.id)
        self._targets[repository.id] = repository.target
        self._rooms.pop(repository.id, None)
        if before is not None and before != repository.target:
            for listener in self._listeners:
                listener(repository.id, before, repository.target)

    def gone(self, repository_id: str) -> None:
        """A repository was deleted."""
        self._targets.pop(repository_id, None)
        self._rooms.pop(repository_id, None)

    def listen(self, listener: Change) -> None:
        """Call ``listener`` whenever a repository gets another target."""
        self._listeners.append(listener)

    def add(self, scope: Scope) -> None:
        """A client with this scope has come."""
        self._members[scope] += 1
        if scope not in self._numbers:
            self._last += 1
            self._numbers[scope] = self._last
            self._rooms.clear()

    def remove(self, scope: Scope) -> None:
        """A client with this scope has gone."""
        self._members[scope] -= 1
        if self._members[scope] <= 0:
            del self._members[scope], self._numbers[scope]
            self._rooms.clear()

    def all_room(self, scope: Scope | None) -> str:
        """The room of those who asked for every scan they may see."""
        return ALL if scope is None else f"{ALL}:{self._numbers.get(scope, 0)}"

    def field_room(self, scope: Scope | None) -> str:
        """The room of field clients."""
        return FIELD if scope is None else f"{FIELD}:{self._numbers.get(scope, 0)}"

    def rooms_of(self, repository_id: str | None) -> tuple[str, ...]:
        """The rooms of scopes that cover a repository."""
        if not self._numbers or repository_id is None:
            return ()
        rooms = self._rooms.get(repository_id)
        if rooms is None:
            target = self._targets.get(repository_id)
            covering = [] if target is None else [one for one in self._numbers if one.covers(repository_id, target)]
            rooms = tuple(room for one in covering for room in (self.all_room(one), self.field_room(one)))
            self._rooms[repository_id] = rooms
        return rooms
