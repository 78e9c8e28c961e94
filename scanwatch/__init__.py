"""Trigger, watch and tabulate long repository scans, pushed live instead of polled."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import plots
    from ._connect import connect
    from ._export import export
    from ._local import LocalGateway
    from .client import AsyncClient, Client, Scan, as_completed, replay, wait
    from .errors import (
        ConfigurationError,
        ConnectionClosed,
        GatewayAnswerError,
        GatewayError,
        GatewayRefused,
        GatewayUnreachable,
        NotFound,
        NotSupported,
        ScanCancelled,
        ScanError,
        ScanFailed,
        ScanwatchError,
        UsageError,
    )
    from .model import Event, Phase, ScanStatus

__all__ = [
    "AsyncClient",
    "Client",
    "ConfigurationError",
    "ConnectionClosed",
    "Event",
    "GatewayAnswerError",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnreachable",
    "LocalGateway",
    "NotFound",
    "NotSupported",
    "Phase",
    "Scan",
    "ScanCancelled",
    "ScanError",
    "ScanFailed",
    "ScanStatus",
    "ScanwatchError",
    "UsageError",
    "__version__",
    "as_completed",
    "connect",
    "export",
    "plots",
    "replay",
    "wait",
]

_HOMES = {
    "connect": "._connect",
    "LocalGateway": "._local",
    "export": "._export",
    **dict.fromkeys(("AsyncClient", "Client", "Scan", "as_completed", "replay", "wait"), ".client"),
    **dict.fromkeys(("Event", "Phase", "ScanStatus"), ".model"),
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use: ``import scanwatch`` costs nothing that is not needed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "plots":
        return import_module(".plots", __name__)
    value = getattr(import_module(_HOMES.get(name, ".errors"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
