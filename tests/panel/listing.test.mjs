import assert from "node:assert/strict";
import { test } from "node:test";

import { EVERYTHING, listedIds, queuePlaces, readOptions, suggestionsFor } from "../../scanwatch/panel/static/listing.js";

const NOW = 1_800_000_000_000;
const row = (name, status, more = {}) => ({ name, status, attempt: 1, created: NOW, updated: NOW, ...more });
const rows = new Map([
  ["d", row("acme/delta", "queued")],
  ["c", row("acme/Charlie", "failed", { error: "No such branch", by: "ada" })],
  ["b", row("trials/bravo", "in_progress", { updated: NOW - 48_000, phase: "fetch" })],
  ["a", row("acme/alpha", "pending", { target: "sim://acme/alpha" })],
]);
const picture = { order: ["d", "c", "b", "a"], rows };
const listed = (filters, caller = null) =>
  listedIds(picture, { ...EVERYTHING, ...filters }, { now: NOW, stalledAfterS: 30, caller }).join("");

test("without filters all are listed, newest first", () => assert.equal(listed({}), "dcba"));

test("states, stalled apart, text in any of a row's words, and mine narrow the list", () => {
  assert.deepEqual(
    ["queued", "in_progress", "stalled", "failed", "completed"].map((state) => listed({ state })),
    ["da", "b", "b", "c", ""],
  );
  assert.deepEqual(
    [" BRANCH ", "sim://", "acme", "d"].map((text) => listed({ text })),
    ["c", "a", "dca", "d"],
  );
  assert.equal(listed({ mine: true }, "ada"), "c");
});

test("the order is by age or by name whatever its case", () => {
  assert.equal(listed({ order: "oldest" }), "abcd");
  assert.equal(listed({ order: "name" }), "acdb");
});

test("a row without its data yet is not listed", () => {
  assert.deepEqual(listedIds({ order: ["x"], rows: new Map() }, EVERYTHING, { now: NOW, stalledAfterS: 30 }), []);
});

test("the first that came is the first of those that wait", () => {
  const places = [...queuePlaces(picture, null)].map(([id, { place, of }]) => [id, place, of]);
  assert.deepEqual(places, [["a", 1, 2], ["d", 2, 2]]);
});

test("workers are said to be busy only where as many scans run as there are workers", () => {
  const busy = (of, workers) => queuePlaces(of, workers).get("a").busy;
  assert.deepEqual([busy(picture, 1), busy(picture, 2), busy(picture, null)], [true, false, false]);
  const others = { order: ["e", ...picture.order], rows: new Map([...rows, ["e", row("acme/echo", "in_progress")]]) };
  assert.equal(busy(others, 1), false, "somebody else runs scans of this queue, too");
});

test("repositories that begin with the text come before those that have it in them", () => {
  const known = ["acme/payments", "quality/pay", "pay/roll", "trials/x"].map((name) => ({
    name,
    target: `sim://${name}`,
  }));
  assert.deepEqual(
    suggestionsFor("pay", known).map(({ name }) => name),
    ["pay/roll", "acme/payments", "quality/pay"],
  );
  assert.equal(suggestionsFor("", known, 2).length, 2);
  assert.deepEqual(suggestionsFor("sim://pay/roll", known), []);
});

test("options are NAME=VALUE, and what is none is named", () => {
  assert.deepEqual(readOptions(" ref=main  path=a=b "), { options: { ref: "main", path: "a=b" } });
  assert.deepEqual(readOptions(""), { options: {} });
  assert.match(readOptions("ref=main quick").error, /"quick" is none/);
});
