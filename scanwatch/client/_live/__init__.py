"""A gateway over the real network: Socket.IO for events, HTTP for records. aiohttp and socketio stay in this room."""

from __future__ import annotations

from ._live import LiveTransport

__all__ = ["LiveTransport"]
