"""The gateway: serves watchers and takes requests; it scans nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._configuration import OPTIONS, GatewayConfig
from ._logging import log_to
from ._options import Option, gather, seconds_of
from ._signals import stop_on_signals

if TYPE_CHECKING:
    from ._app import Gateway, serve

__all__ = [
    "OPTIONS",
    "Gateway",
    "GatewayConfig",
    "Option",
    "gather",
    "log_to",
    "seconds_of",
    "serve",
    "stop_on_signals",
]


def __getattr__(name: str) -> Any:
    """Load what serves on first use: the command line reads the options alone."""
    if name in ("Gateway", "serve"):
        from . import _app

        return getattr(_app, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
