// What a row says: every word, role and segment that any layout shows. Pure; times in milliseconds.

import { PHASES, leftS, shareOf } from "./progress.js";
import {
  agoText,
  capital,
  clockText,
  countText,
  durationText,
  otherDayText,
  percentText,
  plural,
  remainingText,
  waitText,
} from "./words.js";

const TERMINAL = new Set(["completed", "failed", "cancelled"]);
const QUIET_S = 10;

const WORDS = {
  queued: "Queued",
  in_progress: "In progress",
  retrying: "Retrying",
  stalled: "Stalled",
  cancelling: "Cancelling",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  unknown: "Unknown",
};

/** The colour role of each shown state; the icon has the state's own name. */
export const ROLES = {
  queued: "idle",
  in_progress: "active",
  retrying: "active",
  stalled: "warn",
  cancelling: "idle",
  completed: "ok",
  failed: "bad",
  cancelled: "idle",
  unknown: "idle",
};

export function isTerminal(row) {
  return TERMINAL.has(row.status);
}

/** The state as shown: silence shows as stalled, a further attempt as retrying. */
export function stateOf(row, here, stalledAfterS) {
  return stateAt(row, timeOf(row, here), stalledAfterS);
}

function stateAt(row, now, stalledAfterS) {
  if (isTerminal(row) || row.status === "cancelling") return row.status;
  if (row.status === "queued") return "queued";
  if (row.status === "pending") return row.created === undefined ? "unknown" : "queued";
  if (isBetween(row)) return "retrying";
  if (quietFor(row, now) >= stalledAfterS) return "stalled";
  return row.attempt > 1 ? "retrying" : "in_progress";
}

/** Whether an attempt has failed and the next one waits its turn: nobody works, so silence means nothing. */
function isBetween(row) {
  return !isTerminal(row) && row.attempt > 1 && row.phase === "queued";
}

/** The filter a shown state is counted under (stalled is counted apart as well). */
export function groupOf(row) {
  if (isTerminal(row)) return row.status;
  return row.status === "pending" || row.status === "queued" ? "queued" : "in_progress";
}

/** How many rows each filter would show. */
export function countStates(rows, now, stalledAfterS) {
  const counts = { all: 0, in_progress: 0, queued: 0, completed: 0, failed: 0, cancelled: 0, stalled: 0 };
  for (const row of rows.values()) {
    counts.all += 1;
    counts[groupOf(row)] += 1;
    if (stateOf(row, now, stalledAfterS) === "stalled") counts.stalled += 1;
  }
  return counts;
}

/** Seconds until all is done, seen at `now`; null as long as nothing can be said of one that goes on. */
export function longestLeftS(rows, now) {
  let longest = 0;
  for (const row of rows.values()) {
    if (isTerminal(row)) continue;
    const left = leftS(row);
    if (left === null) return null;
    longest = Math.max(longest, left - (now - row.updated) / 1000);
  }
  return longest;
}

/** Five segments: {kind: done | now | todo | reached | stopped, share: 0-1 or null when not known}. */
export function segmentsOf(row) {
  const at = PHASES.indexOf(row.phase);
  const reached = reachedBefore(row);
  return PHASES.map((_, index) => {
    if (row.status === "completed" || index < at) return { kind: "done", share: 1 };
    if (index === at) return { kind: isTerminal(row) ? "stopped" : "now", share: shareOf(row) };
    return { kind: index <= reached && !isTerminal(row) ? "reached" : "todo", share: 0 };
  });
}

function reachedBefore(row) {
  const phases = (row.failures ?? [])
    .filter(([attempt]) => attempt < row.attempt)
    .map(([, phase]) => PHASES.indexOf(phase));
  return Math.max(-1, ...phases);
}

/**
 * Everything shown of a row. `live`: events come in; else clock times take the place of ages. `queue`: its {place, of,
 * workers, busy} among those that wait, where all are known. `byYou`: its cancel was asked for here.
 */
export function factsOf(row, { now: here, live = true, readOnly = false, stalledAfterS = 30, queue, byYou }) {
  const now = timeOf(row, here);
  const state = stateAt(row, now, stalledAfterS);
  const ended = isTerminal(row);
  const working = !ended && state !== "queued" && state !== "unknown";
  const between = working && isBetween(row);
  const quietS = quietFor(row, now);
  const facts = {
    live,
    state,
    ended,
    working,
    word: WORDS[state],
    role: live || ended ? ROLES[state] : "idle",
    note: noteOf(row, state, { now, live, queue, byYou }),
    ...lineOf(row, state, between, live ? queue : undefined),
    segments: segmentsOf(row),
    breathing: live && working && state !== "cancelling" && quietS < QUIET_S,
    percent: percentOf(row, state, between),
    ...placeOf(row, state, between),
    artifacts: row.artifacts === undefined ? (state === "queued" ? "" : "–") : countText(row.artifacts),
    findings: row.findings === undefined ? "" : plural(row.findings, "finding"),
    elapsed: elapsedOf(row, now),
    timeNote: timeNoteOf(row, state, now),
    estimate: working && live && state !== "stalled" ? estimateOf(row, now) : "",
    last: lastOf(row, working, quietS, live),
    lastTone: !working || !live ? "" : state === "stalled" ? "warn" : quietS >= QUIET_S ? "strong" : "",
    can: deedOn(row, { live, readOnly }),
  };
  facts.spoken = spokenOf(facts, row);
  return facts;
}

/**
 * The gateway's time for a row: what passed since its last event is counted here, the rest there, as clocks may differ.
 * Functions that take `here` are given our time and ask this one; `now` is the gateway's already.
 */
export function timeOf(row, now) {
  return row.heard === undefined || row.updated === undefined ? now : row.updated + (now - row.heard);
}

function quietFor(row, now) {
  return row.updated === undefined ? 0 : Math.max(0, (now - row.updated) / 1000);
}

function noteOf(row, state, { now, live, queue, byYou }) {
  if (state === "unknown") return "reading";
  if (state === "queued") return queue && live ? placeText(queue) : "";
  if (state === "cancelled") return byYou ? "by you" : "";
  if (state === "retrying") return retryOf(row, now, live);
  if (!live && (state === "in_progress" || state === "stalled")) return `at ${clockText(now)}`;
  if (state === "stalled") return "in progress";
  if (state === "cancelling")
    return row.cancel_asked && live ? `asked ${agoText((now - row.cancel_asked) / 1000)}` : "asked";
  if (state === "completed") return row.attempt > 1 ? attemptOf(row) : "";
  if (state === "failed") return failedOf(row);
  return "";
}

/** "position 3 of 7" in what is known to be one queue; shorter where that would not fit. */
function placeText({ place, of, workers }) {
  if (workers === null) return `${countText(place)} of ${countText(of)} queued`;
  return of < 100 ? `position ${place} of ${of}` : `${countText(place)} of ${countText(of)}`;
}

/** "2 of 3 in 4 s" while the next attempt waits, "attempt 2 of 3" once it runs. */
function retryOf(row, now, live) {
  const seconds = isBetween(row) && row.retry_at !== undefined && live ? Math.ceil((row.retry_at - now) / 1000) : 0;
  return seconds > 0 && row.attempts ? `${row.attempt} of ${row.attempts} in ${waitText(seconds)}` : attemptOf(row);
}

function attemptOf(row) {
  return `attempt ${row.attempt}${row.attempts ? ` of ${row.attempts}` : ""}`;
}

function failedOf({ failures, attempts }) {
  if (!(failures?.length > 1)) return "";
  return `${failures.length}${attempts ? ` of ${attempts}` : ""} attempts`;
}

/** The second line under the name: {line, isPath, isBad}. */
function lineOf(row, state, between, queue) {
  const say = (line, extra = {}) => ({ line: line ?? "", isPath: false, isBad: false, ...extra });
  if (state === "unknown") return say("Reads the state from the gateway");
  if (state === "queued") return say([row.message || "Waits for a worker", busyText(queue)].filter(Boolean).join(", "));
  if (state === "failed") return say(failureOf(row), { isBad: true });
  if (state === "cancelled") return say(stoppedOf(row));
  if (state === "completed") return say(row.commit ? `Commit ${row.commit.slice(0, 7)}` : row.message);
  if (row.settling) return say("Waits for the end to be confirmed");
  if (state === "cancelling") return say("Waits for the worker to confirm");
  if (between) return say(lastFailureOf(row) ?? row.message);
  return row.file ? say(row.file, { isPath: true }) : say(row.message);
}

function busyText(queue) {
  if (!queue?.busy) return "";
  return queue.workers === 1 ? "the only one is busy" : `${queue.workers} of ${queue.workers} are busy`;
}

function failureOf(row) {
  const words = row.error ?? row.message ?? "No reason was given";
  if (!PHASES.includes(row.phase) || words.toLowerCase().startsWith(row.phase)) return words;
  const file = row.done !== undefined && row.total ? `, file ${countText(row.done)} of ${countText(row.total)}` : "";
  return `${capital(row.phase)}${file}: ${words}`;
}

function stoppedOf(row) {
  return PHASES.includes(row.phase) ? `Stopped in ${row.phase}, nothing was stored` : "Stopped before it began";
}

function lastFailureOf(row) {
  const failure = row.failures?.at(-1);
  if (!failure) return null;
  const [attempt, phase, error] = failure;
  return `Attempt ${attempt}${phase ? `, ${phase}` : ""}: ${error}`;
}

function percentOf(row, state, between) {
  if (state === "queued") return "";
  return row.percent === undefined || between ? "–" : percentText(row.percent);
}

/** Under the bar: {place, files}, the phase and how many files of it. */
function placeOf(row, state, between) {
  if (state === "completed") {
    const files = row.files ?? row.total;
    return { place: "", files: files === undefined ? "" : plural(files, "file") };
  }
  if (between) {
    const [attempt, phase] = row.failures?.at(-1) ?? [];
    return { place: phase ? `Reached ${phase}` : "", files: attempt ? `attempt ${attempt}` : "" };
  }
  if (!PHASES.includes(row.phase)) return { place: "", files: "" };
  return { place: capital(row.phase), files: filesOf(row) };
}

function filesOf(row) {
  if (row.done === undefined) return "";
  return row.total === undefined
    ? `${countText(row.done)} so far`
    : `${countText(row.done)} of ${countText(row.total)}`;
}

function elapsedOf(row, now) {
  const from = row.started ?? row.created;
  if (from === undefined) return "";
  return durationText(((row.finished ?? now) - from) / 1000);
}

function timeNoteOf(row, state, now) {
  if (state === "queued") return "waiting";
  if (!isTerminal(row) || row.finished === undefined) return "";
  const day = otherDayText(row.finished, now);
  return day ? `on ${day}` : `at ${clockText(row.finished)}`;
}

function estimateOf(row, now) {
  const left = leftS(row);
  return left === null ? "" : remainingText(Math.max(0, left - (now - row.updated) / 1000));
}

function lastOf(row, working, quietS, live) {
  if (!working || row.updated === undefined) return "";
  return live ? agoText(quietS) : clockText(row.updated, true);
}

/** What may be done to a scan: "cancel", "retry" or nothing. */
export function deedOn(row, { live, readOnly }) {
  if (!row || readOnly || !live || row.status === "cancelling" || row.status === "completed") return "";
  return isTerminal(row) ? "retry" : "cancel";
}

function spokenOf(facts, row) {
  const percent = facts.percent && facts.percent !== "–" ? `${row.percent} percent` : "";
  const files = facts.files && facts.place ? `${facts.files}${row.total === undefined ? "" : " files"}` : facts.files;
  return [facts.word, facts.place, files, percent].filter(Boolean).join(", ").replaceAll("\u2009", "");
}
