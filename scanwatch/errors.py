"""Every exception scanwatch raises. Each message says what happened, to which scan or URL, and the remedy.

::

    ScanwatchError
    ├── UsageError (ValueError)          the call itself is wrong: an option, a target, an id
    │   └── UnknownTarget                no scanner is registered for the target's scheme
    ├── ConfigurationError               the installation or the environment is wrong
    ├── GatewayError                     something between us and the gateway
    │   ├── GatewayUnreachable           nothing answers at that URL
    │   ├── GatewayRefused               it answers, and does not let us in (401, 403, no such namespace)
    │   ├── GatewayAnswerError           it answered with an error status; ``.status`` and ``.url`` tell
    │   │   └── NotFound                 the named scan or repository is not there (404)
    │   ├── NotSupported                 this gateway has no such route (many in the field do not)
    │   └── WireError                    what arrived is not what the protocol says
    ├── ScanError                        a scan ended otherwise than completed; ``.scan_id``
    │   ├── ScanFailed                   ``.code``, ``.phase``, ``.attempts``
    │   └── ScanCancelled
    ├── ScannerError                     raised by a scanner: why a scan cannot go on; ``.code``, ``.retryable``
    ├── StoreError                       the store refused or cannot be used
    │   ├── StoreBusy                    another process owns the file
    │   ├── StoreUnavailable             it cannot be reached, or takes no writes, at the moment
    │   ├── UnknownRecord                no such scan or repository in the store
    │   ├── DuplicateRecord              a repository with that target exists
    │   ├── ScanEnded                    an append after the terminal event
    │   └── Fenced                       an append by a run that was taken over
    └── ConnectionClosed                 the client was closed while something waited on it

``TimeoutError`` is the built-in one: a wait that ran out leaves the scan running.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import AttemptFailure, FailureCode, Phase


class ScanwatchError(Exception):
    """The root of all scanwatch exceptions."""


class UsageError(ScanwatchError, ValueError):
    """The call itself is wrong; the message names the argument and what would be right."""


class UnknownTarget(UsageError):
    """No scanner is registered for the target's scheme."""


class ConfigurationError(ScanwatchError):
    """The installation or the environment is wrong; the message says what to set or install."""


class GatewayError(ScanwatchError):
    """Something between this client and its gateway."""


class GatewayUnreachable(GatewayError):
    """Nothing answers at the gateway's URL."""


class GatewayRefused(GatewayError):
    """The gateway answers and does not let this client in."""


class GatewayAnswerError(GatewayError):
    """The gateway answered a request with an error.

    Attributes:
        status: the HTTP status.
        url: what was asked, without credentials.
    """

    def __init__(self, message: str, *, status: int, url: str) -> None:
        super().__init__(message)
        self.status = status
        self.url = url


class NotFound(GatewayAnswerError):
    """The named scan or repository is not on this gateway (404)."""


class NotSupported(GatewayError):
    """This gateway has no such route; gateways in the field often lack the newer ones."""


class WireError(GatewayError):
    """What arrived is not what the protocol says (``docs/protocol.md``)."""


class ScanError(ScanwatchError):
    """A scan ended otherwise than completed.

    Attributes:
        scan_id: which scan.
    """

    def __init__(self, message: str, *, scan_id: str) -> None:
        super().__init__(message)
        self.scan_id = scan_id


class ScanFailed(ScanError):
    """The scan ended as failed.

    Attributes:
        code: the class of the failure, ``None`` where the gateway does not tell.
        phase: the phase it failed in, ``None`` if not known.
        attempts: one record for every failed attempt, oldest first.
    """

    def __init__(
        self,
        message: str,
        *,
        scan_id: str,
        code: FailureCode | None = None,
        phase: Phase | None = None,
        attempts: Sequence[AttemptFailure] = (),
    ) -> None:
        super().__init__(message, scan_id=scan_id)
        self.code = code
        self.phase = phase
        self.attempts = tuple(attempts)


class ScanCancelled(ScanError):
    """The scan was cancelled before it completed."""


class ScannerError(ScanwatchError):
    """Why a scanner cannot go on, in words for the person who triggered the scan.

    Attributes:
        code: the class of the failure (a ``FailureCode`` value).
        retryable: whether another attempt can help.
    """

    def __init__(self, message: str, *, code: str = "internal", retryable: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class StoreError(ScanwatchError):
    """The store refused an operation or cannot be used."""


class StoreBusy(StoreError):
    """Another process owns the store's file."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or takes no writes at the moment; the same call may succeed later.

    What was asked may have been done all the same, if the connection was lost before the answer.
    """


class UnknownRecord(StoreError):
    """The store holds no such scan or repository."""


class DuplicateRecord(StoreError):
    """The store holds a repository with that target already."""


class ScanEnded(StoreError):
    """An event was appended after the scan's terminal event."""


class Fenced(StoreError):
    """An event was appended by a run that has been taken over by a newer one."""


class ConnectionClosed(ScanwatchError):
    """The client was closed while something waited on it."""
