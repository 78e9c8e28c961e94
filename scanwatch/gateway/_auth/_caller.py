"""Somebody who was let in: a name, a role, and the repositories it covers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote

from ...errors import UsageError
from ...model import Role
from ...scanners import scheme_of
from ...wire import is_id

MAX_PATTERNS = 100
MAX_PATTERN = 2000
ANYONE = "anyone"
"""The identity of all who came in without showing anything."""
_ORDER = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Scope:
    """The repositories a credential covers: their ids, or patterns of their targets.

    In a pattern ``*`` stands for anything within one part of a target and ``**`` for any number of parts; the query of
    a target is not looked at. A repository that is covered is covered with all its scans.
    """

    patterns: tuple[str, ...]

    def covers(self, repository_id: str | None, target: str) -> bool:
        """Whether a repository belongs to this scope; a target that climbs (``..``) matches no wildcard."""
        if repository_id is not None and repository_id.lower() in map(str.lower, self.patterns):
            return True
        bare = target if scheme_of(target) == "path" else target.partition("?")[0]
        if target in self.patterns or bare in self.patterns:
            return True
        climbs = ".." in re.split(r"[/\\]", unquote(bare))
        return not climbs and any(_compiled(pattern).fullmatch(bare) for pattern in self.patterns if "*" in pattern)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in; ``name`` is what a scan's ``requested_by`` will say.

    ``identity`` tells callers apart where names may be shared: limits are counted by it. ``scope`` is ``None`` for who
    sees every repository.
    """

    name: str | None = None
    role: Role = Role.ADMIN
    scope: Scope | None = None
    key_id: str | None = None
    expires_at: datetime | None = None
    identity: str = ANYONE

    @property
    def proven(self) -> bool:
        """Whether a credential was shown, rather than none asked for."""
        return self.identity != ANYONE

    def may(self, needed: Role) -> bool:
        """Whether the role is ``needed`` or one above it."""
        return _ORDER.index(self.role) >= _ORDER.index(needed)

    def sees(self, repository_id: str | None, target: str) -> bool:
        """Whether a repository is one of this caller's."""
        return self.scope is None or self.scope.covers(repository_id, target)


def check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """``patterns`` as a scope takes them.

    Raises:
        UsageError: there are none or too many, or one is empty, too long, or neither an id nor a target.
    """
    if not 0 < len(patterns) <= MAX_PATTERNS:
        raise UsageError(f"A list of repositories has 1 to {MAX_PATTERNS} entries; leave it out to cover all of them.")
    for pattern in patterns:
        if not 0 < len(pattern) <= MAX_PATTERN or not (is_id(pattern) or "/" in pattern or ":" in pattern):
            raise UsageError(
                f"{pattern[:80]!r} names no repository: give its id, or its target, such as sim://acme/payments or "
                "https://git.example.org/acme/**."
            )
    return tuple(patterns)


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression. No wildcard takes what would move a URL's host: ``@``, ``#``, ``\\``."""
    parts = re.split(r"(\*\*|\*)", pattern)
    words = {"**": r"[^\\#?@]*", "*": r"[^/\\#?@]*"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts))
