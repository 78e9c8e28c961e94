"""Where on this machine is kept what can be had again: deleting it costs time alone."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "SCANWATCH_CACHE"
"""Names the folder; without it, it is in the platform's folder for caches."""


def cache_folder(name: str) -> Path:
    """The folder for one kind of thing."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if not chosen:
        import platformdirs

        chosen = platformdirs.user_cache_dir("scanwatch", appauthor=False)
    return Path(chosen).expanduser().absolute() / name
