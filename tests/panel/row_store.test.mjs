import assert from "node:assert/strict";
import { test } from "node:test";

import { RowStore } from "../../scanwatch/panel/static/store.js";

const first = () => ({
  number: 0,
  at: 1000,
  connection: { state: "live" },
  trouble: null,
  ids: ["b", "a"],
  groups: [
    [[0], { name: ["b"], percent: [1] }],
    [[1], { name: ["a"] }],
  ],
});
const only = (fields) => ({
  ids: ["b"],
  groups: [[null, Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, [value]]))]],
});
const filled = () => new RowStore(first(), () => 1000);

test("a store starts from a snapshot", () => {
  const store = filled();
  assert.deepEqual(store.order, ["b", "a"]);
  assert.equal(store.rows.get("b").percent, 1);
  assert.equal(store.connection.state, "live");
});

test("a store without a snapshot is empty, not broken", () => {
  const store = new RowStore();
  assert.deepEqual(store.order, []);
  assert.equal(store.apply({ patch: 1, at: 1, first: ["x"], rows: { x: { name: "x" } } }), "applied");
});

test("a patch changes the named fields and null removes one", () => {
  const store = filled();
  assert.equal(store.apply({ patch: 1, at: 1100, rows: { b: { percent: null, file: "x.py" } } }), "applied");
  assert.deepEqual(store.rows.get("b"), { name: "b", file: "x.py" });
});

test("a frozen picture stands still while its rows change", () => {
  const store = filled();
  const frozen = store.frozen();
  store.apply({ patch: 1, at: 1100, rows: { b: { percent: 50 } }, gone: ["a"] });
  assert.equal(frozen.rows.get("b").percent, 1);
  assert.deepEqual(frozen.order, ["b", "a"]);
});

test("an old or repeated patch changes nothing", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, rows: { b: { percent: 50 } } });
  assert.equal(store.apply({ patch: 1, at: 1100, rows: { b: { percent: 2 } } }), "old");
  assert.equal(store.rows.get("b").percent, 50);
});

test("a gap waits for a snapshot, then what came after it is applied", () => {
  const store = filled();
  assert.equal(store.apply({ patch: 3, at: 1300, rows: { b: { percent: 60 } } }), "gap");
  assert.equal(store.rows.get("b").percent, 1);
  assert.ok(store.load({ ...first(), number: 2, ...only({ name: "b", percent: 40, file: "y" }) }));
  assert.deepEqual(store.rows.get("b"), { name: "b", percent: 60, file: "y" });
  assert.equal(store.number, 3);
});

test("a snapshot that includes the waiting patches drops them", () => {
  const store = filled();
  store.apply({ patch: 3, at: 1300, rows: { b: { percent: 60 } } });
  store.load({ ...first(), number: 4, ...only({ name: "b", percent: 70 }) });
  assert.equal(store.rows.get("b").percent, 70);
  assert.equal(store.number, 4);
});

test("a snapshot older than what is shown is not taken", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, rows: { b: { percent: 50 } } });
  assert.equal(store.load(first()), false);
  assert.equal(store.rows.get("b").percent, 50);
});

test("new scans come first, gone ones leave, an order replaces the order", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, first: ["c"], rows: { c: { name: "c" } } });
  assert.deepEqual(store.order, ["c", "b", "a"]);
  store.apply({ patch: 2, at: 1100, gone: ["b"] });
  assert.deepEqual([store.order, store.rows.has("b")], [["c", "a"], false]);
  store.apply({ patch: 3, at: 1100, order: ["a", "c"] });
  assert.deepEqual(store.order, ["a", "c"]);
});

test("a group names rows by their place after what is gone and what is new", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, gone: ["b"], first: ["c"], groups: [[[1, 0], { name: ["old", "new"] }]] });
  assert.deepEqual([...store.order], ["c", "a"]);
  assert.deepEqual([store.rows.get("a").name, store.rows.get("c").name], ["old", "new"]);
});

test("a group without places is of every row, and a column of one value is everybody's", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, groups: [[null, { percent: [7, 8], phase: ["parse"], file: [null] }]] });
  assert.deepEqual(store.rows.get("b"), { name: "b", percent: 7, phase: "parse" });
  assert.deepEqual(store.rows.get("a"), { name: "a", percent: 8, phase: "parse" });
});

test("times are told as milliseconds before the message's own", () => {
  const store = filled();
  store.apply({ patch: 1, at: 5000, groups: [[[0], { updated: [200], finished: [null], done: [200] }]] });
  assert.deepEqual(store.rows.get("b"), { name: "b", percent: 1, updated: 4800, done: 200 });
});

test("a lost snapshot is made good by the next, with everything that came meanwhile", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, rows: { b: { percent: 5 } } });
  // number 2 was the snapshot that got lost
  for (const number of [3, 4, 5])
    assert.equal(store.apply({ patch: number, at: 1000 + number, rows: { b: { percent: 10 * number } } }), "gap");
  assert.equal(store.rows.get("b").percent, 5);
  store.load({ ...first(), number: 4, ...only({ name: "b", percent: 40 }) });
  assert.deepEqual([store.number, store.rows.get("b").percent, store.waiting.length], [5, 50, 0]);
});

test("a snapshot that does not reach what waits leaves it waiting", () => {
  const store = filled();
  store.apply({ patch: 5, at: 1500, rows: { b: { percent: 50 } } });
  store.load({ ...first(), number: 2, ...only({ name: "b", percent: 20 }) });
  assert.deepEqual([store.number, store.rows.get("b").percent, store.waiting.length], [2, 20, 1]);
  store.load({ ...first(), number: 4, ...only({ name: "b", percent: 40 }) });
  assert.deepEqual([store.number, store.rows.get("b").percent], [5, 50]);
});

test("only so many patches wait, the newest", () => {
  const store = filled();
  for (let number = 2; number < 1002; number += 1) store.apply({ patch: number, at: number });
  assert.equal(store.waiting.length, 100);
  assert.equal(store.waiting.at(-1).patch, 1001);
});

test("a frozen picture stands still while scans come, go and change places", () => {
  const store = filled();
  store.apply({ patch: 1, at: 1100, events: { b: [[1, 1000, "began"]] } });
  const frozen = store.frozen();
  store.apply({ patch: 2, at: 1200, first: ["c"], groups: [[null, { percent: [90] }]], events: { b: [] } });
  store.load({ ...first(), number: 9, ids: [], groups: [] });
  assert.deepEqual(frozen.order, ["b", "a"]);
  assert.deepEqual([frozen.rows.get("b").percent, frozen.rows.get("a").percent], [1, undefined]);
  assert.deepEqual(frozen.events.get("b"), [[1, 1000, "began"]]);
  assert.deepEqual([...store.rows.keys(), ...store.events.keys()], []);
});

test("the kernel's clock is followed from what comes, not from a stored snapshot", () => {
  const store = new RowStore(first(), () => 500_000);
  assert.equal(store.now(), 500_000);
  store.apply({ patch: 1, at: 497_000 });
  assert.equal(store.now(), 497_000);
  store.load({ ...first(), number: 1, at: 498_000 });
  assert.equal(store.now(), 498_000);
});

test("subscribers hear of changes until they leave", () => {
  const store = filled();
  let heard = 0;
  const leave = store.subscribe(() => {
    heard += 1;
  });
  store.apply({ patch: 1, at: 1100 });
  leave();
  store.apply({ patch: 2, at: 1100 });
  assert.equal(heard, 1);
});
