"""The panel looks right in any theme, at any width, in any direction, and with what a reader has set.

Looked at in Chromium on a plain page.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from ._cast import three
from ._stage import Stage

pytestmark = pytest.mark.browser

Put = Callable[..., Stage]


RATIOS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const pixel = (colour, under) => {
        canvas.fillStyle = under;
        canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const sw = document.querySelector(".sw");
    const probe = sw.appendChild(document.createElement("i"));
    const value = (name) => {
        probe.style.color = `var(--sw-${name})`;
        return getComputedStyle(probe).color;
    };
    const surface = value("surface");
    const ratio = (name, ground) => {
        const under = pixel(value(ground), surface);
        const [one, two] = [light(pixel(value(name), `rgb(${under.join()})`)), light(under)];
        return Math.round((10 * Math.max(one, two)) / Math.min(one, two)) / 10;
    };
    const grounds = ["surface", "tint", "tint-more", "selected"];
    const worst = (name) => Math.min(...grounds.map((ground) => ratio(name, ground)));
    return {
        words: Object.fromEntries(["text", "quiet", "bad-text", "warn-text"].map((name) => [name, worst(name)])),
        icons: Object.fromEntries(["active", "ok", "bad", "warn"].map((name) => [name, worst(name)])),
        edges: { edge: ratio("edge", "surface"), focus: ratio("focus", "surface") },
    };
}"""


@pytest.mark.parametrize("theme", ["light", "dark", "contrast", "plain"])
def test_words_and_icons_stand_out_on_every_ground(stage: Put, theme: str) -> None:
    ratios = stage(three(), theme=theme).page.evaluate(RATIOS)
    assert {name: ratio for name, ratio in ratios["words"].items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in {**ratios["icons"], **ratios["edges"]}.items() if ratio < 3} == {}


@pytest.mark.parametrize("width", [320, 360, 480, 640, 820, 1100])
def test_nothing_overflows_at_any_width(stage: Put, width: int) -> None:
    put = stage(page={"viewport": {"width": width + 34, "height": 900}}, max_height=5000)
    long = put.feed.add("sim://validation-platform/" + "regulated-document-exchange-" * 4 + "middleware")
    put.feed.fail(long, "a" * 400)
    put.tell()
    expect(put.row("exchange-regulated")).to_contain_text("Failed")
    assert put.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    outside = put.panel.evaluate(
        """(sw) => [...sw.querySelectorAll(".sw-row *, .sw-top *, .sw-filters *, .sw-foot *")]
            .filter((e) => e.checkVisibility() && !e.closest(".sw-unseen, .sw-cut, .sw-mid, .sw-path, .sw-name, svg"))
            .filter((e) => e.getBoundingClientRect().right > sw.getBoundingClientRect().right)
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert outside == []


def test_at_200_percent_zoom_the_narrow_layout_is_shown(stage: Put) -> None:
    put = stage(three(), page={"viewport": {"width": 506, "height": 450}, "device_scale_factor": 2})
    expect(put.row("acme/payments").locator(".sw-summary")).to_be_visible()
    expect(put.panel.locator(".sw-head")).to_be_hidden()
    put.row("acme/payments").get_by_text("acme/payments").click()
    expect(put.panel.locator(".sw-details")).to_be_visible()


def test_in_the_narrow_layout_the_third_line_gives_way_to_the_time_alone(stage: Put) -> None:
    put = stage(three(), page={"viewport": {"width": 354, "height": 900}})
    expect(put.row("acme/payments").locator(".sw-summary")).to_be_visible()
    gaps = put.panel.locator(".sw-row").evaluate_all(
        """(rows) => rows.map((row) => row.querySelector(".sw-time").getBoundingClientRect().left
            - row.querySelector(".sw-summary").getBoundingClientRect().right)"""
    )
    assert len(gaps) == 3
    assert all(0 <= gap < 9 for gap in gaps), gaps
    name, state = (put.row("acme/payments").locator(part).bounding_box() for part in (".sw-name", ".sw-status"))
    assert name is not None
    assert state is not None
    assert name["x"] + name["width"] <= state["x"], "they share a line and do not overlap"


def test_the_error_of_an_attempt_is_there_in_full_in_the_details(stage: Put) -> None:
    put = stage(three())
    error = "front matter is not closed (.gxp/specs/SPEC-021-004-a-long-way-down-the-tree.md, line 3), " * 2
    put.feed.fail(put.feed.snapshots()[0].scan_id, error)
    put.tell()
    put.open_details(put.names()[0])
    words = put.panel.locator(".sw-attempts bdi")
    expect(words).to_contain_text(error.strip())
    assert words.evaluate("(e) => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth")


def test_a_reader_who_wants_no_motion_gets_none(stage: Put) -> None:
    moving = "(sw) => sw.getAnimations({ subtree: true }).length"
    assert stage(three()).panel.evaluate(moving) > 0
    still = stage(three(), page={"reduced_motion": "reduce"})
    assert still.panel.evaluate(moving) == 0


def test_with_forced_colours_bars_and_states_keep_their_edges(stage: Put) -> None:
    put = stage(page={"forced_colors": "active"})
    done = put.row("acme/dose-calculator").locator(".sw-seg-done").first
    todo = put.row("acme/dose-calculator").locator(".sw-seg-todo").first
    style = "(e) => [getComputedStyle(e).outlineStyle, e.getBoundingClientRect().height]"
    assert done.evaluate(style) == ["solid", 6]
    assert todo.evaluate(style) == ["none", 2]
    put.row("acme/dose-calculator").locator(".sw-name").click()
    expect(put.row("acme/dose-calculator")).to_have_css("outline-style", "solid")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_forced_colours_icons_stand_out_and_the_mark_of_an_end_from_its_disc(stage: Put, scheme: str) -> None:
    put = stage(page={"forced_colors": "active", "color_scheme": scheme})
    colours = "(svg) => [...svg.children].map((e) => getComputedStyle(e)).map(({ fill, stroke }) => [fill, stroke])"
    [disc, tick] = put.row("trials/").locator(".sw-state-icon svg").evaluate(colours)
    assert disc[0] != tick[1], "the tick can be seen on its disc"
    colour, ground = put.panel.get_by_role("button", name="Scan", exact=True).evaluate(
        "(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    surface = put.panel.evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert colour not in (ground, surface), "words stand on a plate of the surface's colour"
    [[_, stroke], *_] = put.panel.locator(".sw-find > svg").evaluate(colours)
    assert stroke != surface


def test_from_right_to_left_the_order_mirrors_and_paths_do_not(stage: Put) -> None:
    put = stage(three())
    put.page.evaluate("document.documentElement.dir = 'rtl'")
    row = put.row("acme/payments")
    x = "(e) => e.getBoundingClientRect().x"
    assert row.locator(".sw-status").evaluate(x) > row.locator(".sw-progress").evaluate(x)
    assert row.locator(".sw-seg-done").first.evaluate(x) > row.locator(".sw-seg-todo").first.evaluate(x)
    head, tail = row.locator(".sw-name .sw-mid-head"), row.locator(".sw-name .sw-mid-tail")
    assert head.first.evaluate(x) < tail.first.evaluate(x)
    put.panel.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowLeft"):
        put.page.keyboard.press(key)
    expect(put.panel.locator(".sw-details")).to_be_visible()


def test_states_are_told_apart_by_shape_and_word(stage: Put) -> None:
    put = stage()
    shapes: dict[str, set[str]] = {}
    for row in put.panel.locator(".sw-row").all():
        word = row.locator(".sw-status .sw-line1").inner_text()
        shape = row.locator(".sw-status svg").evaluate(
            "(svg) => [...svg.children].map((e) => e.tagName + (e.getAttribute('d') ?? '')).join()"
        )
        shapes.setdefault(shape, set()).add(word)
    assert all(len(words) == 1 for words in shapes.values()), shapes
    assert {word for words in shapes.values() for word in words} >= {
        "Queued",
        "In progress",
        "Retrying",
        "Stalled",
        "Cancelling",
        "Completed",
        "Failed",
        "Cancelled",
        "Unknown",
    }
