"""Which targets a gateway scans: the schemes, this machine's files, and addresses behind its firewall."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from .._credentials import refuse_credentials, without_credentials
from ..errors import UsageError
from ..scanners import Task, check_task, scheme_of
from ..scanners.repository.target import REMOTE_SCHEMES

MAX_TARGET = 2000
LOCAL_SCHEMES = frozenset({"path", "file"})

_TRANSPORT_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn round how the rest is shown."""
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What may be scanned. ``schemes`` empty: every scheme that has a scanner; ``path`` is a plain local path."""

    schemes: tuple[str, ...] = ()
    local_paths: bool = True
    private_addresses: bool = True

    def check(self, target: str, options: Mapping[str, Any] | None = None) -> None:
        """Refuse a target nobody may scan here, or may not scan with these ``options``.

        Raises:
            UsageError: it is too long, holds a secret, looks like an option or a command, its kind is not allowed,
                or its scanner refuses it or one of its options.
            UnknownTarget: no scanner takes it.
        """
        refuse_credentials(target)
        if not target.strip() or len(target) > MAX_TARGET:
            raise UsageError(f"repository: the target must have 1 to {MAX_TARGET} characters")
        shown = without_credentials(target)[:200]
        if target.startswith("-") or _TRANSPORT_HELPER.match(target) or _CONTROL.search(target):
            raise UsageError(
                f"The target {shown!r} looks like an option or a command for git; targets are paths, and URLs "
                "of known schemes."
            )
        scheme = scheme_of(target)
        if self.schemes and scheme not in self.schemes:
            raise UsageError(f"This gateway scans no {scheme} targets: {shown!r}. It scans {', '.join(self.schemes)}.")
        if not self.local_paths and scheme in LOCAL_SCHEMES:
            raise UsageError(f"This gateway scans no local paths: {shown!r}")  # before anything tells what is there
        check_task(Task("", target, options or {}))

    async def check_now(self, target: str, options: Mapping[str, Any] | None = None) -> None:
        """Refuse a target as ``check`` does, and one whose host is at a private address at this moment.

        The scan looks the name up again when it runs: who controls the name's zone can change the answer in between,
        so a gateway that must not reach its own network needs a firewall besides.

        Raises:
            UsageError: as said, or the host's name cannot be resolved.
        """
        self.check(target, options)
        if self.private_addresses or scheme_of(target) not in REMOTE_SCHEMES:
            return
        host = _host(target)
        for address in await _addresses(host):
            if not _is_public(address):
                raise UsageError(f"This gateway scans no private addresses, and {host[:200]} is at {address}.")


def _host(target: str) -> str:
    if "://" in target:
        return urlsplit(target).hostname or ""
    return target.partition("@")[2].partition(":")[0]


async def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageError(f"The host {host[:200]!r} cannot be found; check the target's spelling.") from None
    return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether everybody can reach an address; one that hides an older address counts as that one."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        hidden = address.ipv4_mapped or address.sixtofour
        if hidden is not None:
            return _is_public(hidden)
    return address.is_global and not address.is_multicast
