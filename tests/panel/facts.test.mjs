import assert from "node:assert/strict";
import { test } from "node:test";

import { countStates, factsOf, segmentsOf, stateOf } from "../../scanwatch/panel/static/facts.js";
import { sentenceOf } from "../../scanwatch/panel/static/foot.js";
import {
  SteadyWords,
  agoText,
  countText,
  durationText,
  headAndTail,
  otherDayText,
  remainingText,
  whenText,
} from "../../scanwatch/panel/static/words.js";

const NOW = 1_800_000_000_000;
const working = {
  name: "acme/payments",
  status: "in_progress",
  phase: "parse",
  percent: 42,
  attempt: 1,
  done: 96,
  total: 240,
  created: NOW - 60_000,
  started: NOW - 40_000,
  updated: NOW - 2_000,
  file: "src/a.py",
  spans: [[1, "discovery", NOW - 87_500, null]],
};
const facts = (row, more = {}) => factsOf({ ...working, ...row }, { now: NOW, ...more });
const kinds = (row) =>
  segmentsOf({ ...working, ...row })
    .map(({ kind }) => kind)
    .join(" ");

test("a working row says phase, files, percent, time and age", () => {
  const shown = facts({});
  assert.equal(shown.word, "In progress");
  assert.deepEqual([shown.place, shown.files, shown.percent], ["Parse", "96 of 240", "42\u2009%"]);
  assert.deepEqual([shown.elapsed, shown.estimate, shown.last], ["0:40", "2 min", "2 s ago"]);
  assert.deepEqual([shown.line, shown.isPath, shown.can], ["src/a.py", true, "cancel"]);
  assert.equal(shown.spoken, "In progress, Parse, 96 of 240 files, 42 percent");
});

test("silence is told apart from work: strong, then stalled, never failed", () => {
  assert.equal(facts({ updated: NOW - 12_000 }).lastTone, "strong");
  assert.equal(facts({ updated: NOW - 12_000 }).breathing, false);
  const stalled = facts({ updated: NOW - 48_000 });
  assert.deepEqual(
    [stalled.word, stalled.note, stalled.role, stalled.lastTone, stalled.estimate],
    ["Stalled", "in progress", "warn", "warn", ""],
  );
});

test("a percent or total that is not known is a dash, never invented", () => {
  const shown = facts({ phase: "discovery", percent: undefined, total: undefined, done: 1872 });
  assert.deepEqual(
    [shown.percent, shown.files, shown.segments[0]],
    ["–", "1\u2009872 so far", { kind: "now", share: null }],
  );
});

test("segments show done, now, to come, reached before and stopped here", () => {
  assert.equal(kinds({}), "done done now todo todo");
  assert.equal(kinds({ status: "completed" }), "done done done done done");
  assert.equal(kinds({ status: "failed" }), "done done stopped todo todo");
  assert.equal(
    kinds({ attempt: 2, phase: "fetch", failures: [[1, "validate", "x", 0]] }),
    "done now reached reached todo",
  );
  assert.equal(kinds({ status: "queued", phase: "queued" }), "todo todo todo todo todo");
});

test("between two attempts nothing is stalled and no percent is claimed", () => {
  const shown = facts({
    attempt: 2,
    phase: "queued",
    percent: 0,
    updated: NOW - 90_000,
    failures: [[1, "parse", "worker ran out of memory", 0]],
  });
  assert.deepEqual([shown.word, shown.note, shown.percent], ["Retrying", "attempt 2", "–"]);
  assert.equal(shown.line, "Attempt 1, parse: worker ran out of memory");
  assert.deepEqual([shown.place, shown.files], ["Reached parse", "attempt 1"]);
});

test("an end that is not confirmed says so, a cancel is not done before it is confirmed", () => {
  assert.equal(facts({ settling: true }).line, "Waits for the end to be confirmed");
  const asked = facts({ status: "cancelling", cancel_asked: NOW - 3000 });
  assert.deepEqual(
    [asked.word, asked.note, asked.line, asked.can],
    ["Cancelling", "asked 3 s ago", "Waits for the worker to confirm", ""],
  );
});

test("a failure says phase, file and cause, and can be scanned again", () => {
  const shown = facts({ status: "failed", error: "front matter is not closed", finished: NOW });
  assert.equal(shown.line, "Parse, file 96 of 240: front matter is not closed");
  assert.deepEqual([shown.isBad, shown.role, shown.can], [true, "bad", "retry"]);
});

test("rows that are not live have clock times, no active colour and no buttons", () => {
  const shown = facts({}, { live: false });
  assert.equal(shown.role, "idle");
  assert.match(shown.last, /^\d\d:\d\d:\d\d$/);
  assert.match(shown.note, /^at \d\d:\d\d$/);
  assert.deepEqual([shown.can, shown.estimate, shown.breathing], ["", "", false]);
});

test("a read-only panel has no buttons; an unknown scan claims nothing", () => {
  assert.equal(facts({}, { readOnly: true }).can, "");
  const unknown = factsOf({ name: "x", status: "pending", attempt: 1 }, { now: NOW });
  assert.deepEqual([unknown.word, unknown.note, unknown.percent, unknown.elapsed], ["Unknown", "reading", "–", ""]);
});

test("stalled is counted apart and among those in progress", () => {
  const rows = new Map([
    ["a", working],
    ["b", { ...working, updated: NOW - 48_000 }],
    ["c", { ...working, status: "completed" }],
  ]);
  const counts = countStates(rows, NOW, 30);
  assert.deepEqual([counts.all, counts.in_progress, counts.stalled, counts.completed], [3, 2, 1, 1]);
  assert.equal(stateOf({ ...working, updated: NOW - 48_000 }, NOW, Infinity), "in_progress");
});

test("numbers and times", () => {
  assert.equal(countText(1248), "1\u2009248");
  assert.deepEqual([0, 188, 3723, 183600].map(durationText), ["0:00", "3:08", "1:02:03", "2 d 3 h"]);
  assert.deepEqual([1.4, 12, 200, 7300].map(agoText), ["now", "12 s ago", "3 min ago", "2 h ago"]);
  assert.deepEqual([47, 48, 80].map((hours) => agoText(hours * 3600)), ["47 h ago", "2 d ago", "3 d ago"]);
  assert.deepEqual([59, 170, 7300].map(remainingText), ["under 1 min", "3 min", "2 h"]);
});

test("a time of another day says the day, so that it is not taken for today's", () => {
  const noon = new Date(2026, 10, 24, 12, 0).getTime();
  const morning = new Date(2026, 10, 24, 9, 5).getTime();
  const nextYear = new Date(2027, 10, 24, 12, 0).getTime();
  assert.deepEqual([otherDayText(morning, noon), whenText(morning, noon)], ["", "09:05"]);
  assert.equal(whenText(morning, nextYear), "24 Nov, 09:05");
  const ended = { status: "completed", phase: undefined, finished: morning };
  const shown = (now) => factsOf({ ...working, ...ended }, { now }).timeNote;
  assert.deepEqual([shown(noon), shown(nextYear)], ["at 09:05", "on 24 Nov"]);
});

test("long names keep their tail, cut at a separator", () => {
  assert.deepEqual(headAndTail("src/ledger/batch_window.py"), ["src/ledger", "/batch_window.py"]);
  assert.deepEqual(headAndTail("plain"), ["plain", ""]);
  const [, tail] = headAndTail("validation/regulated-document-exchange-middleware");
  assert.equal(tail, "-exchange-middleware");
});

test("an estimate changes only when it stays changed", () => {
  const steady = new SteadyWords(3000);
  assert.equal(steady.words("a", "3 min", 0), "3 min");
  assert.equal(steady.words("a", "2 min", 1000), "3 min");
  assert.equal(steady.words("a", "3 min", 2000), "3 min");
  assert.equal(steady.words("a", "2 min", 3000), "3 min");
  assert.equal(steady.words("a", "2 min", 6000), "2 min");
});

test("a gateway whose clock is off does not make a row old or young", () => {
  const behind = { updated: NOW - 302_000, heard: NOW - 2000, started: NOW - 340_000 };
  const shown = facts(behind);
  assert.deepEqual([shown.word, shown.last, shown.elapsed], ["In progress", "2 s ago", "0:40"]);
  assert.equal(stateOf({ ...working, ...behind, heard: NOW - 40_000 }, NOW, 30), "stalled");
});

test("ends are spoken of in one sentence that names a failure", () => {
  const row = (name, status) => ({ name, status });
  assert.equal(sentenceOf([row("acme/payments", "completed")]), "1 scan completed: acme/payments");
  assert.equal(
    sentenceOf([row("a", "completed"), row("b", "completed"), row("acme/etmf-archive", "failed")]),
    "2 scans completed, 1 failed: acme/etmf-archive",
  );
});

test("an attempt says of how many, and when the next one begins", () => {
  const between = { attempt: 2, attempts: 3, phase: "queued", failures: [[1, "parse", "x", 0]] };
  assert.equal(facts({ ...between, retry_at: NOW + 3200 }).note, "2 of 3 in 4 s");
  assert.equal(facts({ ...between, retry_at: NOW - 100 }).note, "attempt 2 of 3");
  assert.equal(facts({ ...between, retry_at: NOW + 3200 }, { live: false }).note, "attempt 2 of 3");
  assert.equal(facts({ attempt: 2, attempts: 3 }).note, "attempt 2 of 3");
  const failures = [1, 2, 3].map((attempt) => [attempt, "parse", "x", 0]);
  assert.equal(facts({ status: "failed", attempt: 3, attempts: 3, failures }).note, "3 of 3 attempts");
});

test("a waiting scan says its place only where all are known, a cancelled one who asked", () => {
  const queued = { status: "queued", phase: "queued" };
  assert.equal(facts(queued, { queue: { place: 3, of: 7, workers: null } }).note, "3 of 7 queued");
  assert.equal(facts(queued, { queue: { place: 3, of: 7, workers: 3 } }).note, "position 3 of 7");
  assert.equal(facts(queued, { queue: { place: 3, of: 720, workers: 3 } }).note, "3 of 720");
  assert.equal(facts(queued).note, "");
  const busy = { place: 1, of: 1, workers: 3, busy: true };
  assert.equal(facts(queued, { queue: busy }).line, "Waits for a worker, 3 of 3 are busy");
  assert.equal(facts(queued, { queue: { ...busy, busy: false } }).line, "Waits for a worker");
  assert.equal(facts(queued, { queue: busy, live: false }).line, "Waits for a worker");
  assert.equal(facts({ status: "cancelled" }, { byYou: true }).note, "by you");
});
