import assert from "node:assert/strict";
import { test } from "node:test";

import { Selection } from "../../scanwatch/panel/static/selection.js";

const LISTED = ["a", "b", "c", "d"];
function started() {
  const told = [];
  return { told, selection: new Selection((ids) => told.push(ids.join(""))) };
}

test("a scan is selected alone, and let go by the same again", () => {
  const { told, selection } = started();
  selection.only("a");
  selection.only("b");
  selection.only("b");
  assert.deepEqual(told, ["a", "b", ""]);
});

test("others are added and taken away one by one", () => {
  const { told, selection } = started();
  selection.toggle("a");
  selection.toggle("c");
  selection.toggle("a");
  assert.deepEqual(told, ["a", "ac", "c"]);
});

test("a range goes from where it began, in either direction, and shrinks again", () => {
  const { told, selection } = started();
  selection.only("b");
  selection.range(LISTED, "d");
  selection.range(LISTED, "c");
  selection.range(LISTED, "a");
  assert.deepEqual(told, ["b", "bcd", "bc", "ab"]);
});

test("a range without a beginning starts at the row before", () => {
  const { told, selection } = started();
  selection.range(LISTED, "c", "b");
  assert.deepEqual(told, ["bc"]);
});

test("all that is listed, none, and no more than there is", () => {
  const { told, selection } = started();
  selection.all(LISTED);
  selection.keep((id) => id !== "d");
  selection.clear();
  selection.clear();
  assert.deepEqual(told, ["abcd", "abc", ""]);
});

test("what was selected elsewhere is taken over in silence", () => {
  const { told, selection } = started();
  selection.adopt(["c"]);
  assert.deepEqual([told, selection.has("c"), selection.size], [[], true, 1]);
});
