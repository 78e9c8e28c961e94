"""The live panel: one widget for any number of scans.

The kernel's side tells the browser rows (``_outbox``) and hands clicks to the feed; it draws nothing and counts no
seconds. The browser's side (``static``) keeps the rows, draws those in sight, and ages them by itself.
"""

from __future__ import annotations

import difflib
import time
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from .._version import __version__
from ..errors import UsageError
from ..model import Repository
from ..snapshot import to_record
from ._cells import speak_for_the_last_cell, tell_the_end_with_the_cell
from ._clicks import take_clicks_while_a_cell_runs
from ._display import block_limit_s, block_until_ended, display_mode, running_shell
from ._feed import Feed
from ._flusher import shared
from ._listing import EVERYTHING, listed, read_filters
from ._outbox import Outbox
from ._rows import milliseconds
from ._static import script, stylesheet
from ._text import STALLED_AFTER_S, names_html, table_html, table_text

if TYPE_CHECKING:
    import pandas as pd

_OPTIONS = ("compact", "single", "read_only", "title", "max_height")
_MAX_OPENED = 50
_MAX_REPOSITORIES = 500
_MAX_OPTIONS = 50


class _Agreed:
    """What a panel has agreed on with the flusher; apart from the panel, as every change of a scan looks here."""

    __slots__ = ("flush",)

    def __init__(self) -> None:
        self.flush = False
        """Whether there will be another flush."""


class Panel(anywidget.AnyWidget):
    """A live table of scans.

    Args:
        feed: where the scans come from and where clicks go.
        compact: one narrow line a scan.
        single: the scan as a card; for a feed of one scan.
        read_only: no buttons and no field to start a scan.
        title: the panel's accessible name.
        max_height: pixels the list may take before it scrolls.

    Raises:
        UsageError: an option is misspelt or out of range, or an environment variable has a wrong value.
    """

    _esm = script()
    _css = stylesheet()

    # A panel is also closed when it is collected: a second time, or after its constructor refused.
    _agreed = _Agreed()
    _unsubscribe: Callable[[], None] | None = None

    options = traitlets.Dict().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    """Everything the browser shows: the truth for a reloaded view and after a lost message."""

    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """The ids of the selected scans; set it to select others. :attr:`selection` gives their handles."""

    filters = traitlets.Dict(dict(EVERYTHING)).tag(sync=True)
    """What narrows the list: ``state`` (``all``, ``in_progress``, ``queued``, ``completed``, ``failed``, ``cancelled``,
    ``stalled``), ``text``, ``mine`` and ``order`` (``newest``, ``oldest``, ``name``). Set it to filter from Python."""

    # For the browser side: what a target is completed from, whose scans are mine, how many of them run at once, what
    # went wrong here.
    repositories: Any = traitlets.List().tag(sync=True)
    caller = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    workers = traitlets.Int(None, allow_none=True).tag(sync=True)
    problem = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        feed: Feed,
        *,
        compact: bool = False,
        single: bool = False,
        read_only: bool = False,
        title: str = "Scans",
        max_height: int = 480,
        **misspelt: object,
    ) -> None:
        _refuse_misspelt(misspelt)
        if max_height < 100:
            raise UsageError(f"max_height is {max_height}; it is a number of pixels, at least 100.")
        display_mode()
        block_limit_s()
        self._feed = feed
        self._built = False
        self._opened: list[str] = []
        self._chosen: dict[str, Any] = {}
        self._failure: BaseException | None = None
        self._known: Sequence[Repository] = ()
        self._outbox = Outbox(feed)
        self._agreed = _Agreed()
        # Listen before the first reading: a change in between is then told by the next patch.
        self._listen()
        options = {
            "compact": compact,
            "single": single,
            "read_only": read_only,
            "title": title,
            "max_height": max_height,
            "stalled_after_s": STALLED_AFTER_S,
            "everything": feed.everything,
        }
        super().__init__(options=options, snapshot=self._outbox.first(time.monotonic()), _view_count=0)
        self.on_msg(type(self)._clicked)
        self.observe(_seen_or_not, "_view_count")
        take_clicks_while_a_cell_runs(self.comm)
        self._built = True
        self._mark()

    @property
    def selection(self) -> list[Any]:
        """The selected scans, newest first: handles such as ``client.scan()`` gives."""
        chosen = set(self.selected)
        return [self._feed.handle(one.scan_id) for one in self._feed.snapshots() if one.scan_id in chosen]

    def scans(self) -> pd.DataFrame:
        """The scans that the panel lists now, filtered and in its order, one row each, as ``client.scans()`` has them.

        A scan of which nothing is known yet is left out.
        """
        from ..tables import scans_table

        now = datetime.now(UTC)
        shown = listed(self._feed.snapshots(), self.filters, now=now, caller=self._feed.caller())
        known = {repository.id: repository for repository in self._feed.repositories()}
        return scans_table([to_record(one) for one in shown if one.created_at is not None], known)

    @traitlets.validate("filters")
    def _read_filters(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        return read_filters(proposal["value"])

    def flush(self) -> float | None:
        """Send what changed; called by the flusher's thread alone."""
        if self.comm is None:
            return None
        try:
            return self._flush()
        except Exception as error:
            self.problem = _problem_of(error)
            raise

    def owes_an_end(self) -> bool:
        """Whether a stored notebook would show scans as running that have ended."""
        return self._unsubscribe is not None and self.comm is not None and self._outbox.owes_an_end()

    def _flush(self) -> float | None:
        started = time.monotonic()
        if started < self._outbox.ready_at:  # marked while the last flush ran
            return self._outbox.ready_at
        speak_for_the_last_cell(running_shell())
        self._agreed.flush = False
        began = time.thread_time()  # what others take of the machine is not this panel's cost
        self._tell_traits()
        outgoing = self._outbox.take(started, tuple(self._opened))
        if outgoing.patch is not None:
            self.send(outgoing.patch)
        if outgoing.snapshot is not None:
            self.snapshot = outgoing.snapshot
        self._outbox.worked(time.thread_time() - began)
        return self._outbox.due()

    def _tell_traits(self) -> None:
        """Set what the browser side has chosen and what it is to know; traits that stay the same send nothing."""
        chosen, self._chosen = self._chosen, {}
        for name, value in chosen.items():
            setattr(self, name, value)
        self.caller = self._feed.caller()
        self.workers = self._feed.workers()
        known = self._feed.repositories()
        if known is not self._known:
            self._known = known
            self.repositories = _encode_known(known)
        failure, self._failure = self._failure, None
        if failure is not None:
            self.problem = _problem_of(failure)

    def close(self) -> None:
        """Stop watching and free everything; the scans go on."""
        self._rest()
        super().close()

    def _listen(self) -> None:
        self._unsubscribe = self._feed.on_change(_marker(self))

    def _rest(self) -> None:
        """Hear and send nothing: nobody looks."""
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe is not None:
            unsubscribe()
        shared.forget(self)
        self._agreed.flush = False
        self._opened = []

    def _wake(self) -> None:
        """Go on where the panel is shown again: with a snapshot of what happened meanwhile."""
        tell_the_end_with_the_cell(self, running_shell())
        if self._unsubscribe is None and self.comm is not None:
            self._listen()
            self._outbox.want_snapshot()
            self._mark()

    def _mark(self) -> None:
        if self._built:
            self._agreed.flush = True
            shared.mark(self, self._outbox.ready_at)

    def _clicked(self, content: object, _buffers: object = None) -> None:
        """A wish from the browser. Which thread and loop this runs on differs by kernel: hand over, return."""
        if not isinstance(content, dict):
            return
        try:
            self._take(content)
        except Exception as error:  # noqa: BLE001  # shown under the panel; a kernel would print it nowhere
            self._failure = error
            self._mark()

    def _take(self, content: Mapping[str, Any]) -> None:
        wish, scan_id = content.get("do"), content.get("scan_id")
        if wish in {"open", "close"} and isinstance(scan_id, str):
            self._show_events(scan_id, wish == "open")
        elif wish == "again":
            self._outbox.want_snapshot()
            self._mark()
        elif wish == "choose":
            self._choose(content.get("name"), content.get("value"))
        elif wish == "look_up":
            self._feed.look_up()
        elif wish == "reconnect":
            self._feed.reconnect()
        elif not self.options["read_only"]:
            self._act(wish, scan_id, content)

    def _act(self, wish: object, scan_id: object, content: Mapping[str, Any]) -> None:
        """What changes something at the gateway."""
        self._outbox.forget_trouble()
        target = content.get("target")
        if wish == "trigger" and isinstance(target, str) and target.strip():
            self._feed.trigger(target.strip(), _read_options(content.get("options")))
        elif wish == "cancel" and isinstance(scan_id, str):
            self._feed.cancel(scan_id)
        elif wish == "retry" and isinstance(scan_id, str):
            self._feed.retry(scan_id)

    def _choose(self, name: object, value: object) -> None:
        """Note a selection or filters; the flusher sets them, as nobody else may touch what is sent."""
        if name == "filters" and isinstance(value, dict):
            self._chosen["filters"] = read_filters(value)
        elif name == "selected" and isinstance(value, list):
            self._chosen["selected"] = [one for one in value if isinstance(one, str)]
        self._mark()

    def _show_events(self, scan_id: str, wanted: bool) -> None:
        self._outbox.forget_events(scan_id)
        others = [other for other in self._opened if other != scan_id]
        self._opened = [*others, scan_id][-_MAX_OPENED:] if wanted else others
        self._mark()

    def __repr__(self) -> str:
        count = len(self._feed.snapshots())
        return f"<Panel of {count} scan{'' if count == 1 else 's'}>"

    def __str__(self) -> str:
        """The table as text, as of now: what ``print(panel)`` shows where there is no notebook."""
        return table_text(self._feed.snapshots())

    def _ipython_display_(self) -> None:
        if display_mode() != "none":
            raise NotImplementedError  # IPython's way to say: show the forms of _repr_mimebundle_ instead

    def _repr_mimebundle_(self, **_kwargs: object) -> Any:
        limit_s = block_limit_s()
        if limit_s is not None:
            block_until_ended(self._feed.snapshots, limit_s)
            return self._still(html=True)
        mode = display_mode()
        if mode in {"html", "text"}:
            return self._still(html=mode == "html")
        self._wake()
        bundle = super()._repr_mimebundle_()
        view: dict[str, Any] = bundle[0] if isinstance(bundle, tuple) else bundle or {}
        # What is stored beside the view must be the same in every run; only ended scans stay as they are.
        snapshots = self._feed.snapshots()
        ended = all(snapshot.terminal for snapshot in snapshots)
        view["text/plain"] = repr(self)
        view["text/html"] = table_html(snapshots) if ended else names_html(snapshots)
        return bundle

    def _still(self, *, html: bool) -> dict[str, str]:
        snapshots = self._feed.snapshots()
        forms = {"text/plain": table_text(snapshots)}
        return {**forms, "text/html": table_html(snapshots)} if html else forms


def _read_options(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {str(name): str(value) for name, value in list(given.items())[:_MAX_OPTIONS]}


def _encode_known(repositories: Sequence[Repository]) -> list[dict[str, Any]]:
    """What the field for a target is completed from."""
    return [
        {
            "target": one.target,
            "name": one.name,
            "status": one.last_scan_status.value if one.last_scan_status else None,
            "at": milliseconds(one.last_scan_at),
        }
        for one in repositories[:_MAX_REPOSITORIES]
    ]


def _problem_of(error: BaseException) -> dict[str, str]:
    """An error in words, with the details that whoever mends it wants."""
    words = f"The panel's Python side failed ({error}). The scans go on; the rows stay as they were."
    return {"words": words, "details": f"scanwatch {__version__}\n{''.join(traceback.format_exception(error))}"}


def _marker(panel: Panel) -> Callable[[str | None], None]:
    """A listener that does not keep the panel alive."""
    reference = weakref.ref(panel)
    agreed = panel._agreed

    def changed(_scan_id: str | None) -> None:
        # A feed may tell of thousands of changes between two flushes: all but the first cost next to nothing.
        if agreed.flush:
            return
        panel = reference()
        if panel is not None:
            panel._mark()

    return changed


def _seen_or_not(change: Any) -> None:
    """Rest when the last view has gone (output cleared, cell deleted, notebook closed). Front ends that do not count
    their views leave the count at 0, and a reloaded page counts its views anew: never does a panel that is seen rest.
    """
    panel: Panel = change.owner
    if change.new == 0 and change.old:
        panel._rest()
    elif change.new:
        panel._outbox.seen()
        panel._wake()
        panel._mark()


def _refuse_misspelt(misspelt: dict[str, object]) -> None:
    for name in misspelt:
        close = difflib.get_close_matches(name, _OPTIONS, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(_OPTIONS)}."
        raise UsageError(f"A panel has no option {name!r}; {remedy}")
