"""The gateway: serves watchers and takes requests; it scans nothing itself."""

from __future__ import annotations

from ._app import Gateway, GatewayConfig, serve

__all__ = ["Gateway", "GatewayConfig", "serve"]
