"""Plots show what is in their table, belong to nobody but their caller, and say so where there is nothing to show.

@gxp-spec SPEC-002-002 "Plots"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from io import BytesIO

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot, style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

import scanwatch
from scanwatch import plots
from scanwatch.model import Artifact
from scanwatch.plots import _timeline, _traceability
from scanwatch.tables import coverage_table, events_table, trend_table
from scanwatch.testing import run_gateway

from .conftest import covered, history, over_time

DRAWN: dict[str, Callable[[], Figure]] = {
    "timeline of one": lambda: plots.timeline(history(retried=True)),
    "timeline of two": lambda: plots.timeline(history(), history(retried=True, after_s=3)),
    "coverage": lambda: plots.coverage(over_time()),
    "traceability": lambda: plots.traceability(covered()),
}
EMPTY: dict[str, Callable[[], Figure]] = {
    "no scan": plots.timeline,
    "no event": lambda: plots.timeline(events_table([])),
    "no scans": lambda: plots.coverage(trend_table([])),
    "no requirement": lambda: plots.traceability(coverage_table([], by="requirement")),
}


def bars(figure: Figure) -> list[Rectangle]:
    return [bar for container in figure.axes[0].containers for bar in container]


def words(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    said = [*axes.texts, *axes.get_yticklabels(), *axes.get_xticklabels(), axes.xaxis.label]
    keys = [text for legend in figure.legends for text in legend.get_texts()]
    return [figure.get_suptitle(), *(text.get_text() for text in [*said, *keys])]


def test_a_bar_is_as_long_as_its_phase_took_and_each_attempt_has_its_own() -> None:
    figure = plots.timeline(history(retried=True))
    found = sorted((bar.get_x(), bar.get_width()) for bar in bars(figure))
    assert found == [(0, 1), (1, 2), (3, 4), (7, 3), (10, 4), (14, 6)]
    assert {"queued", "fetch", "parse", "8 s in 2 attempts", "attempt 1 failed"} <= set(words(figure))
    assert words(figure)[0] == "sim://acme/payments (9cc8aa11), ✓ completed"


def test_scans_stand_where_the_clock_has_them_or_all_at_their_start() -> None:
    tables = history(), history(after_s=30)
    by_clock, by_start = plots.timeline(*tables), plots.timeline(*tables, align="start")
    queued = [[bar.get_x() for bar in bars(figure)[:2]] for figure in (by_clock, by_start)]
    assert queued == [[0, 30], [0, 0]]
    assert "seconds since 2026-03-01 12:00:00 UTC" in words(by_clock)
    with pytest.raises(scanwatch.UsageError, match="'clock' has them, or all at their 'start'"):
        plots.timeline(*tables, align="end")


def test_long_times_are_in_minutes_and_hours() -> None:
    quick, slow = history(), history(after_s=4 * 3600)
    assert "hours since 2026-03-01 12:00:00 UTC" in words(plots.timeline(quick, slow))


def test_every_phase_and_every_state_has_a_look_without_its_colour() -> None:
    legend = plots.timeline(history(), history()).legends[0]
    patterns = [patch.get_hatch() for patch in legend.get_patches()]
    assert len(set(patterns)) == len(patterns) == 4
    assert {"none", "1 / 2"} <= set(words(plots.traceability(covered())))
    designed, verified = plots.coverage(over_time()).axes[0].lines[:2]
    assert designed.get_marker() != verified.get_marker()
    assert designed.get_linestyle() != verified.get_linestyle()


def test_only_so_many_scans_and_requirements_are_drawn_and_the_title_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_timeline, "MOST_SCANS", 2)
    monkeypatch.setattr(_traceability, "MOST_REQUIREMENTS", 1)
    figure = plots.timeline(*[history()] * 3)
    assert len(figure.axes[0].get_yticks()) == 2
    assert words(figure)[0] == "The first 2 of 3 scans"
    figure = plots.traceability(covered())
    assert len(figure.axes[0].get_yticks()) == 1
    assert words(figure)[0].endswith("the first 1 of 2 requirements")


def test_coverage_is_drawn_in_percent_with_the_scans_that_found_nothing_below() -> None:
    axes = plots.coverage(over_time()).axes[0]
    designed, verified, failed = axes.lines[:3]
    assert list(designed.get_ydata()) == [100, 100]
    assert list(verified.get_ydata()) == [0, 50]
    assert len(failed.get_xdata()) == 1
    assert failed.get_ydata()[0] < 0


def test_the_matrix_has_high_risk_first_and_designed_apart_from_verified() -> None:
    figure = plots.traceability(covered())
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["HIGH REQ-002 Sign", "LOW REQ-001 Pay"]
    cells = {(round(text.get_position()[0]), text.get_position()[1]): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "none", (1, 0): "none", (2, 0): "none", (1, 1): "1 / 2"}


@pytest.mark.parametrize("draw", EMPTY.values(), ids=EMPTY)
def test_an_empty_table_gives_a_plot_that_says_there_is_nothing_yet(draw: Callable[[], Figure]) -> None:
    figure = draw()
    (said,) = [text.get_text() for text in figure.axes[0].texts]
    assert said.startswith("Nothing to plot yet: ")
    figure.draw_without_rendering()


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_plot_is_a_picture_in_a_notebook_on_light_and_on_dark(draw: Callable[[], Figure]) -> None:
    corners = []
    for sheet in ("default", "dark_background"):
        with style.context(sheet):
            data, size = draw()._repr_png_()  # type: ignore[attr-defined]
        picture = Image.open(BytesIO(data)).convert("L")
        assert picture.size == (2 * size["width"], 2 * size["height"])
        assert picture.getextrema() == (0, 255), "there is something in black and in white"
        corners.append(picture.getpixel((0, 0)))
    assert corners == [255, 0]


@pytest.mark.parametrize("name", ["$\\frac{", "x" * 5000, "a\nb\tc\x07", "結果 εφαρμογή 😀", "\u202egpj.exe", ""])
def test_names_are_drawn_as_they_are_written_whatever_they_hold(name: str) -> None:
    named = coverage_table([Artifact(name or "R", "requirement", name, risk=name)], by="requirement")
    for figure in (
        plots.timeline(history(name=name)),
        plots.timeline(history(name=name), history(name=name)),
        plots.traceability(named),
    ):
        figure.draw_without_rendering()
        assert max(map(len, words(figure))) <= 90
        assert not any("\n" in said or "\x07" in said for said in words(figure))


def test_the_handle_of_a_real_scan_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANWATCH_SIM_SPEED", "20")
    with run_gateway() as gateway, scanwatch.connect(gateway.url, gateway.token) as client:
        scan = client.scan("sim://acme/payments?files=40&duration_s=1").wait(timeout=30)
        assert len(bars(plots.timeline(scan))) >= 5
        assert len(plots.traceability(scan).axes[0].get_yticks()) >= 1
        assert words(plots.coverage(client.trend("sim://acme/payments")))[0] == "Coverage of sim://acme/payments"


class Awaited:
    async def events(self) -> pd.DataFrame:
        return history()


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: plots.timeline(Awaited()), r"await scan\.events\(\)"),
        (lambda: plots.timeline(over_time()), r"no column 'time'; what is drawn is \.events\(\)"),
        (lambda: plots.coverage(history()), r"what is drawn is \.trend\(\)"),
        (lambda: plots.coverage("acme/payments"), r"str cannot be drawn"),
        (lambda: plots.traceability(history()), r"what is drawn is \.coverage\(by='requirement'\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(draw: Callable[[], Figure], said: str) -> None:
    with pytest.raises(scanwatch.UsageError, match=said):
        draw()


def test_a_plot_touches_nothing_that_others_share() -> None:
    before = dict(mpl.rcParams)
    plots.timeline(history())
    assert dict(mpl.rcParams) == before
    assert pyplot.get_fignums() == []


def test_without_matplotlib_a_plot_says_what_to_install() -> None:
    code = """
        import sys, scanwatch
        sys.modules["matplotlib"] = None
        try:
            scanwatch.plots.timeline()
        except scanwatch.ConfigurationError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "Plots need a library: pip install 'scanwatch[plot]'.\n"
