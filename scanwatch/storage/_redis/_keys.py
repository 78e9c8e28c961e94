"""The names of everything the store keeps in Redis; ``docs/scaling-operations.md`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...model import ScanRequest, ScanStatus
from .._schema import microseconds

INVENTORY = ("artifacts", "findings", "annotations", "evidence")
"""The lists of what a scan found, each named like the part of a ``ScanOutcome`` it keeps."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The names below one prefix."""

    prefix: str

    def __getitem__(self, name: str) -> str:
        return f"{self.prefix}:{name}"

    def scan(self, scan_id: str) -> str:
        """The hash of a scan: ``number run seq status created ended repository indices request snapshot``."""
        return f"{self.prefix}:scan:{scan_id}"

    def events(self, scan_id: str) -> str:
        """The stream of a scan's events: the id of an entry is its ``seq``."""
        return f"{self.prefix}:events:{scan_id}"

    def used(self, scan_id: str) -> str:
        """The hash of the keys that appends of a scan came with, each with its ``seq``."""
        return f"{self.prefix}:used:{scan_id}"

    def inventory(self, scan_id: str, part: str) -> str:
        """The list of one part of what a scan found."""
        return f"{self.prefix}:{part}:{scan_id}"

    def upload(self, token: str, part: str) -> str:
        """The list in which such a part is put together."""
        return f"{self.prefix}:upload:{token}:{part}"

    def by_status(self, status: ScanStatus) -> str:
        """The scans with a status, as in ``scans``."""
        return f"{self.prefix}:scans:status:{status}"

    def by_repository(self, repository_id: str) -> str:
        """The scans of a repository, as in ``scans``."""
        return f"{self.prefix}:scans:repository:{repository_id}"

    def by_person(self, name: str) -> str:
        """The scans that somebody asked for, as in ``scans``."""
        return f"{self.prefix}:scans:person:{name}"

    def by_target(self, folded: str) -> str:
        """The scans of a case-folded target, as in ``scans``."""
        return f"{self.prefix}:scans:target:{folded}"

    def indices(self, request: ScanRequest) -> list[str]:
        """The sorted sets that a scan is in for as long as it is kept: members by the time they were created."""
        names = [self["scans"], self.by_repository(request.repository_id), self.by_target(request.target.casefold())]
        if request.requested_by is not None:
            names.append(self.by_person(request.requested_by))
        return names


def score(time: datetime) -> str:
    """A moment as sorted sets hold it: microseconds since 1970, which a double holds exactly until 2255."""
    return str(microseconds(time))


def scan_of(member: bytes) -> str:
    """The id in a member of an index: ``0000000000000042:ID``, so that of one moment the later kept sorts later."""
    return member.decode().partition(":")[2]
