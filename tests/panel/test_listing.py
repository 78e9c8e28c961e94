"""Python lists the same scans in the same order as the browser side does.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

import scanwatch.panel
from scanwatch.model import Phase, Turn
from scanwatch.panel._listing import EVERYTHING, ORDERS, STATES, listed
from scanwatch.panel._rows import encode
from tests.panel.staged import StagedFeed

LISTING = Path(scanwatch.panel.__file__).parent / "static" / "listing.js"


def staged() -> StagedFeed:
    """A scan in each state."""
    feed = StagedFeed()
    waiting, working, silent, between, failed, done, stopping = (
        feed.add(f"sim://{name}", requested_by=by)
        for name, by in (
            ("acme/waiting", "ada"),
            ("acme/Working", "bo"),
            ("trials/silent", None),
            ("acme/between", "ada"),
            ("trials/failed", "ada"),
            ("acme/done", None),
            ("acme/stopping", "bo"),
        )
    )
    feed.happen(waiting, phase=Phase.QUEUED)
    feed.progress(working, Phase.PARSE, 1, 2)
    feed.progress(silent, Phase.FETCH, 1, 2, ago_s=90)
    feed.progress(between, Phase.FETCH, 1, 2, ago_s=99)
    feed.happen(between, turn=Turn.RETRYING, phase=Phase.QUEUED, attempt=2, error="out of memory", ago_s=90)
    feed.fail(failed, "no such branch")
    feed.complete(done, artifacts=1)
    feed.cancel(stopping)
    return feed


@pytest.mark.needs("node")
def test_every_filter_lists_the_same_scans_as_in_the_browser() -> None:
    snapshots, now = staged().snapshots(), datetime.now(UTC)
    filters = [
        {**EVERYTHING, "state": state, "text": text, "mine": mine, "order": order}
        for state, text, mine, order in product(STATES, ("", "ACME", "branch", "scan-3"), (False, True), ORDERS)
    ]
    asked = {
        "picture": {
            "order": [one.scan_id for one in snapshots],
            "rows": {one.scan_id: encode(one) for one in snapshots},
        },
        "filters": filters,
        "now": now.timestamp() * 1000,
    }
    code = (
        f"import {{ listedIds }} from {json.dumps(LISTING.as_uri())};"
        "const { picture, filters, now } = JSON.parse(await new Response(process.stdin).text());"
        "picture.rows = new Map(Object.entries(picture.rows));"
        "const rest = { now, stalledAfterS: 30, caller: 'ada' };"
        "console.log(JSON.stringify(filters.map((one) => listedIds(picture, one, rest))));"
    )
    command = ["node", "--input-type=module", "-e", code]
    run = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=True)
    ours = [[one.scan_id for one in listed(snapshots, one, now=now, caller="ada")] for one in filters]
    assert json.loads(run.stdout) == ours
    assert len({tuple(ids) for ids in ours}) > 20
