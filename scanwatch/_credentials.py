"""Passwords and tokens in the URLs of targets: a target is kept and shown, so they have no place in it."""

from __future__ import annotations

import re

from .errors import UsageError

# Up to the last @, whatever is before it: a password may hold any character, and hiding too much does no harm.
_CREDENTIALS = re.compile(r"(?<=://)\S*@")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/?#]*)@")
_SSH_SHORT = re.compile(r"(?P<user>[^/\\\s]+)@[^/\\@\s]+:")  # up to the last @, here too
_NEEDS_NO_USER = frozenset({"http", "https"})
"""Schemes in which a user alone may be a token; in others it is the name of an account, as in ``git@``."""


def without_credentials(text: str) -> str:
    """``text`` with the user and password taken out of every URL in it."""
    return _CREDENTIALS.sub("", text)


def refuse_credentials(target: str) -> None:
    """Refuse a target with a password or a token in its URL; the message holds nothing of either.

    Raises:
        UsageError: it has one.
    """
    found = _URL.match(target.strip()) or _SSH_SHORT.match(target.strip())
    if found is None:
        return
    scheme = found.groupdict().get("scheme", "ssh").lower()
    if ":" in found["user"] or scheme in _NEEDS_NO_USER:
        raise UsageError(
            "The target has a user, a password or a token in its URL, where it would be kept and shown. Leave out what "
            "is before the @, and give it to git on the gateway's machine: its credential helper "
            "(git config credential.helper), or an SSH key with ssh://git@HOST/OWNER/REPO."
        )
