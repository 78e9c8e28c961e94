"""Trigger, watch and tabulate long repository scans, pushed live instead of polled."""

from __future__ import annotations

from ._version import __version__

__all__ = ["__version__"]
