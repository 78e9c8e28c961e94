import assert from "node:assert/strict";
import { test } from "node:test";

import { RowStore } from "../../scanwatch/panel/static/store.js";

const first = () => ({
  number: 0,
  at: 1000,
  connection: { state: "live" },
  trouble: null,
  rows: [
    ["b", { name: "b", percent: 1 }],
    ["a", { name: "a" }],
  ],
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

test("a row is replaced, so a frozen picture stands still", () => {
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
  assert.ok(store.load({ ...first(), number: 2, rows: [["b", { name: "b", percent: 40, file: "y" }]] }));
  assert.deepEqual(store.rows.get("b"), { name: "b", percent: 60, file: "y" });
  assert.equal(store.number, 3);
});

test("a snapshot that includes the waiting patches drops them", () => {
  const store = filled();
  store.apply({ patch: 3, at: 1300, rows: { b: { percent: 60 } } });
  store.load({ ...first(), number: 4, rows: [["b", { name: "b", percent: 70 }]] });
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

test("the gateway's clock is followed from patches, not from a stored snapshot", () => {
  const store = new RowStore(first(), () => 500_000);
  assert.equal(store.now(), 500_000);
  store.apply({ patch: 1, at: 497_000 });
  assert.equal(store.now(), 497_000);
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
