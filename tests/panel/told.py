"""What a browser side knows of the rows after each message: the store of ``static/store.js``, as plainly as can be."""

from __future__ import annotations

from typing import Any

from scanwatch.panel._groups import TIMES

Fields = dict[str, Any]


class Told:
    """Rows by id, in order; starts from a snapshot."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.take(snapshot)

    def take(self, snapshot: dict[str, Any]) -> None:
        self.order: list[str] = list(snapshot["ids"])
        self.rows: dict[str, Fields] = self.changed(snapshot)

    def apply(self, patch: dict[str, Any]) -> dict[str, Fields]:
        """Take a patch; what it changed, by id."""
        gone = patch.get("gone", [])
        kept = [scan_id for scan_id in self.order if scan_id not in gone]
        self.order = patch.get("order") or [*patch.get("first", []), *kept]
        changed = self.changed(patch)
        for scan_id, fields in changed.items():
            row = {**self.rows.get(scan_id, {}), **fields}
            self.rows[scan_id] = {name: value for name, value in row.items() if value is not None}
        self.rows = {scan_id: self.rows[scan_id] for scan_id in self.order}
        return changed

    def changed(self, message: dict[str, Any]) -> dict[str, Fields]:
        """The fields a message's groups bring, by id."""
        rows: dict[str, Fields] = {}
        for positions, columns in message.get("groups", []):
            places = range(len(self.order)) if positions is None else positions
            for index, place in enumerate(places):
                rows[self.order[place]] = {
                    name: _value(name, column, index, message["at"]) for name, column in columns.items()
                }
        return rows


def _value(name: str, column: list[Any], index: int, at_ms: int) -> Any:
    value = column[0] if len(column) == 1 else column[index]
    return at_ms - value if name in TIMES and value is not None else value
