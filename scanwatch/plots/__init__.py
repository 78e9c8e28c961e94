"""Tables as pictures: ``timeline`` (where the time went), ``coverage`` (over time), ``traceability`` (a matrix).

Each takes a handle or the table it is drawn from and returns a matplotlib ``Figure``, which notebooks show as the value
of a cell; nothing is shown, or kept open, by itself. Colours and fonts of text and background are those of matplotlib's
settings (``matplotlib.style.use("dark_background")``), and no colour says anything that words or patterns do not.

matplotlib comes with ``pip install 'scanwatch[plot]'`` and is loaded when something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["coverage", "timeline", "traceability"]


class HasEvents(Protocol):
    """A handle with a history: a ``Scan``."""

    def events(self) -> pd.DataFrame: ...


class HasCoverage(Protocol):
    """A handle that knows what is covered: a ``Scan``."""

    def coverage(self, by: str = ...) -> pd.DataFrame: ...


def timeline(*scans: HasEvents | pd.DataFrame, align: str = "clock") -> Figure:
    """Where the time of scans went: of one scan a bar for each phase and attempt, of several a line for each scan.

    Args:
        scans: handles, or their ``events()``; at most a hundred are drawn, the first ones.
        align: ``"clock"``: each where it was, beside the others; ``"start"``: all from the same edge, to be compared.

    Raises:
        UsageError: ``align`` is neither, or something is no table of events.
        ConfigurationError: matplotlib is not installed.
    """
    _need_matplotlib()
    from ._timeline import draw_timeline

    return draw_timeline(scans, align)


def coverage(trend: pd.DataFrame) -> Figure:
    """How many of a repository's specs were designed and verified, scan by scan, in percent over time (UTC).

    Args:
        trend: ``client.trend(repository)``.

    Raises:
        UsageError: that is another table.
        ConfigurationError: matplotlib is not installed.
    """
    _need_matplotlib()
    from ._coverage import draw_coverage

    return draw_coverage(trend)


def traceability(scan: HasCoverage | pd.DataFrame) -> Figure:
    """A heat map of requirements by verification tier: how many specs are designed, and how many of them verified.

    HIGH risk comes first, and within a risk what has gaps; of more than sixty requirements the first sixty are drawn.

    Args:
        scan: a handle, or its ``coverage(by="requirement")``.

    Raises:
        UsageError: that is another table.
        ConfigurationError: matplotlib is not installed.
    """
    _need_matplotlib()
    from ._traceability import draw_traceability

    return draw_traceability(scan)


def _need_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401  asked for here, so that the sentence below is true
    except ImportError:
        raise ConfigurationError("Plots need a library: pip install 'scanwatch[plot]'.") from None
