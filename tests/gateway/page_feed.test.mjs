// The page's feed: events in any order, gaps and new scans end in the right rows, and only differences are told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed, difference } from "../../scanwatch/gateway/static/feed.js";
import { wantedScan } from "../../scanwatch/gateway/static/gateway.js";
import { RowStore } from "../../scanwatch/panel/static/store.js";

const NOW = Date.parse("2026-11-22T22:45:30.000Z");
const at = (seq) => new Date(NOW - 20_000 + seq * 1000).toISOString();

const parse = (seq, more = {}) => ({
  seq,
  timestamp: at(seq),
  status: "parse",
  phase: "parse",
  progress: 30 + seq,
  attempt: 1,
  metadata: { filesProcessed: seq, totalFiles: 30 },
  ...more,
});
const snapshot = (scanId, seq, more = {}) => ({
  scanId,
  snapshot: {
    scanId,
    target: `sim://acme/${scanId}`,
    status: "in_progress",
    phase: "parse",
    progress: 30 + seq,
    attempt: 1,
    seq,
    metadata: { filesProcessed: seq, totalFiles: 30 },
    attempts: [],
    phases: [],
    createdAt: at(0),
    updatedAt: at(seq),
    ...more,
  },
});
const ok = (...scans) => ({ ok: true, more: false, scans });
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A feed whose questions are answered by `answers`, one after the other. */
function feedWith(...answers) {
  const asked = [];
  const left = [];
  const feed = new Feed({
    ask: async (request) => {
      asked.push(request);
      return answers.shift()(request);
    },
    leave: async ({ scanIds }) => {
      left.push(...scanIds);
    },
    changed: () => {},
    clock: () => NOW,
    maxRows: 3,
  });
  return { feed, asked, left };
}

async function following(...answers) {
  const made = feedWith(() => ok(snapshot("a", 3)), ...answers);
  await made.feed.follow();
  return made;
}

test("events that follow are applied; those that came before are not", async () => {
  const { feed, asked } = await following();
  feed.receive("a", "progress", parse(4));
  feed.receive("a", "progress", parse(2));
  feed.receive("a", "progress", parse(4));
  assert.deepEqual([feed.rows.get("a").seq, feed.rows.get("a").done, asked.length], [4, 4, 1]);
});

test("a jump that says what it stands for is no gap", async () => {
  const { feed, asked } = await following();
  feed.receive("a", "progress", parse(9, { mergedFrom: 4 }));
  assert.deepEqual([feed.rows.get("a").seq, asked.length], [9, 1]);
});

test("a gap waits for a snapshot, and what came meanwhile goes on from there in its order", async () => {
  const { feed, asked } = await following(() => ok(snapshot("a", 7)));
  for (const seq of [6, 9, 8]) feed.receive("a", "progress", parse(seq));
  assert.equal(feed.rows.get("a").seq, 3);
  await settled();
  assert.deepEqual(asked[1].scanIds, ["a"]);
  assert.equal(feed.rows.get("a").seq, 9);
  feed.receive("a", "progress", parse(10));
  assert.equal(feed.rows.get("a").seq, 10);
});

test("a new scan is asked for, since events do not repeat its target", async () => {
  const { feed, left } = await following(() => ok(snapshot("b", 1)));
  feed.receive("b", "progress", parse(1));
  feed.receive("b", "progress", parse(2));
  await settled();
  assert.deepEqual([feed.rows.get("b").name, feed.rows.get("b").seq], ["acme/b", 2]);
  assert.deepEqual(left, ["b"]);
});

test("a scan that was deleted does not hide the others of its batch", async () => {
  const refused = () => ({ ok: false, code: "not_found", message: "no such scan", scans: [] });
  const { feed } = await following(refused, refused, () => ok(snapshot("c", 1)));
  feed.want(["b", "c"]);
  await settled();
  assert.deepEqual([...feed.rows.keys()].sort(), ["a", "c"]);
});

test("after a reconnect a scan that ended meanwhile is asked for by name", async () => {
  const { feed, asked } = await following(
    () => ok(),
    () => ok(snapshot("a", 8, { status: "completed", progress: 100, result: { artifactsCreated: 5 } })),
  );
  await feed.follow();
  await settled();
  assert.deepEqual(asked[2].scanIds, ["a"]);
  assert.deepEqual([feed.rows.get("a").status, feed.rows.get("a").percent], ["completed", 100]);
  feed.receive("a", "progress", parse(9));
  assert.equal(feed.rows.get("a").status, "completed");
});

test("a scan is as old as it is by the gateway's clock, from the first snapshot on", async () => {
  const hourBehind = { updatedAt: new Date(NOW - 3_607_000).toISOString() };
  const { feed } = feedWith(() => ok(snapshot("a", 3, hourBehind)));
  feed.dated(NOW - 3_600_000);
  await feed.follow();
  assert.equal(feed.rows.get("a").heard, NOW - 7000);
});

test("what comes before the acknowledgement is kept", async () => {
  const { feed } = feedWith(() => {
    feed.receive("a", "progress", parse(4));
    return ok(snapshot("a", 3));
  });
  await feed.follow();
  assert.equal(feed.rows.get("a").seq, 4);
});

test("a refusal to follow, or no answer, is the caller's to handle", async () => {
  const { feed } = feedWith(
    () => ({ ok: false, code: "limit", message: "too many" }),
    () => Promise.reject(new Error("timeout")),
  );
  await assert.rejects(feed.follow(), /too many/);
  await assert.rejects(feed.follow(), /timeout/);
});

test("patches keep a row store equal to the feed's rows", async () => {
  const { feed } = await following(() => ok(snapshot("b", 1, { createdAt: at(2) })));
  const store = new RowStore({}, () => NOW);
  const told = () => store.apply(feed.patch());
  feed.connection = { state: "live" };
  assert.equal(told(), "applied");
  assert.equal(feed.patch(), null);
  feed.want(["b"]);
  await settled();
  feed.receive("a", "complete", { seq: 4, timestamp: at(4), attempt: 1, result: { artifactsCreated: 5 } });
  feed.trouble = "That repository is not known.";
  told();
  assert.deepEqual(store.order, ["b", "a"]);
  assert.deepEqual(Object.fromEntries(store.rows), Object.fromEntries(feed.rows));
  assert.deepEqual([store.connection.state, store.trouble], ["live", "That repository is not known."]);
});

test("the oldest ended rows make room, running ones never do", async () => {
  const ended = (id, hour) => snapshot(id, 9, { status: "failed", createdAt: `2026-11-22T${hour}:00:00.000Z` });
  const { feed } = await following(() => ok(ended("b", 10), ended("c", 11), ended("d", 12)));
  feed.patch();
  feed.want(["b", "c", "d"]);
  await settled();
  const patch = feed.patch();
  assert.deepEqual(patch.order, ["a", "d", "c"]);
});

test("an open log begins with the history, then takes what comes, and stays short", async () => {
  const { feed } = await following();
  feed.openLog("a");
  feed.receive("a", "progress", parse(4));
  feed.logHistory(
    "a",
    [2, 3, 4].map((seq) => ["progress", parse(seq)]),
  );
  assert.deepEqual(
    feed.patch().events.a.map(([seq, , words]) => `${seq} ${words}`),
    ["2 parse 2 of 30", "3 parse 3 of 30", "4 parse 4 of 30"],
  );
  for (let seq = 5; seq < 30; seq += 1) feed.receive("a", "progress", parse(seq));
  assert.equal(feed.patch().events.a.length, 10);
  feed.closeLog("a");
  feed.receive("a", "progress", parse(30));
  assert.equal("events" in feed.patch(), false);
});

test("a payload that is none changes nothing", async () => {
  const { feed } = await following();
  for (const said of [undefined, null, {}, { seq: "5" }, 7]) feed.receive("a", "progress", said);
  assert.equal(feed.rows.get("a").seq, 3);
});

test("when clocks differ, a row says when its news came here", async () => {
  const { feed } = await following();
  feed.receive("a", "progress", parse(4, { timestamp: "2026-11-22T21:00:00.000Z" }));
  assert.equal(feed.rows.get("a").heard, NOW);
  feed.receive("a", "progress", parse(5, { timestamp: new Date(NOW - 100).toISOString() }));
  assert.equal("heard" in feed.rows.get("a"), false);
});

test("a difference names what changed and what is gone", () => {
  assert.deepEqual(difference({ a: 1, b: 2 }, { a: 1, c: 3 }), { c: 3, b: null });
});

test("options of a simulated scan are split from its target, the query of an address is not", () => {
  const options = { files: "3", fail: "parse" };
  assert.deepEqual(wantedScan("sim://a/b?files=3&fail=parse"), { target: "sim://a/b", options });
  for (const target of ["https://host/a?b=c", "/srv/a?b", "git@host:a/b.git", "sim://a/b"])
    assert.deepEqual(wantedScan(target), { target, options: {} });
});
