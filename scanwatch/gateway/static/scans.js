// A scan as the panel's row, from the gateway's snapshots and events. Pure: the same picture that snapshot.apply and
// the panel's encode make in Python, for the one dialect our own gateway speaks (every event has a seq, ends are final).

// Those of the panel's progress.js, which the page alone has below this folder: under Node this file stands by itself.
const RANGES = {
  queued: [0, 5],
  discovery: [5, 10],
  fetch: [10, 30],
  parse: [30, 60],
  validate: [60, 90],
  persist: [90, 99],
};
const WORK = ["discovery", "fetch", "parse", "validate", "persist"];
const TERMINAL = new Set(["completed", "failed", "cancelled"]);
const MAX_SPANS = 60;

export function hasEnded(row) {
  return TERMINAL.has(row.status);
}

/** The row of a snapshot. */
export function rowOf(snapshot) {
  const { target, status, phase, metadata, result, attempts, phases } = snapshot;
  return completed({
    name: target ? targetName(target) : `scan ${snapshot.scanId.slice(0, 8)}`,
    target,
    status,
    phase: phase in RANGES ? phase : undefined,
    percent: capped(snapshot.progress, status),
    attempt: snapshot.attempt,
    attempts: snapshot.maxAttempts,
    retry_at: moment(snapshot.retryAt),
    message: snapshot.message,
    ...countsOf(metadata),
    error: snapshot.error,
    seq: snapshot.seq || undefined,
    by: snapshot.requestedBy,
    ...resultOf(result, metadata?.artifactsFound),
    created: moment(snapshot.createdAt),
    started: moment(snapshot.startedAt),
    updated: moment(snapshot.updatedAt),
    finished: moment(snapshot.completedAt),
    cancel_asked: moment(snapshot.cancelAskedAt),
    failures: attempts.map((one) => [one.attempt, one.phase ?? null, one.error, moment(one.time)]),
    spans: phases.map((one) => [one.attempt, one.phase, moment(one.startedAt), moment(one.endedAt) ?? null]),
  });
}

/** The row after an event; the very same object when the event changes nothing. */
export function applied(row, kind, said) {
  if (hasEnded(row) || said.seq <= (row.seq ?? 0)) return row;
  const time = moment(said.timestamp);
  const moved = { ...row, seq: said.seq, updated: time, created: row.created ?? time };
  return completed(kind === "progress" ? progressed(moved, said, time) : ended(moved, kind, said, time));
}

function progressed(row, said, time) {
  if (said.status === "cancelling")
    return { ...row, status: "cancelling", message: said.message, cancel_asked: row.cancel_asked ?? time };
  const before = said.status === "retrying" ? attemptFailed(row, attemptBefore(row, said), said, time) : row;
  const total = said.metadata?.totalFiles;
  const percent = percentOf(said, total);
  const phase = said.phase in RANGES ? said.phase : phaseAt(percent);
  const attempt = said.attempt ?? row.attempt;
  return {
    ...before,
    status: statusIn(row, phase),
    phase,
    percent: capped(percent, "in_progress"),
    attempt,
    attempts: said.maxAttempts ?? row.attempts,
    retry_at: moment(said.retryAt),
    message: said.message,
    ...countsOf(said.metadata),
    artifacts: said.metadata?.artifactsFound,
    spans: entered(before.spans, phase, attempt, time, said.status === "restarted"),
    started: row.started ?? (WORK.includes(phase) ? time : undefined),
  };
}

function ended(row, kind, said, time) {
  const end = { ...row, attempt: said.attempt ?? row.attempt, finished: time, spans: left(row.spans, time) };
  if (kind === "complete") {
    const result = resultOf(said.result, row.artifacts);
    return { ...end, status: "completed", percent: 100, file: null, error: null, message: said.message, ...result };
  }
  if (said.code === "cancelled")
    return { ...end, status: "cancelled", error: said.error, message: said.message || said.error };
  return { ...attemptFailed(end, end.attempt, said, time), status: "failed", error: said.error, message: said.error };
}

function attemptBefore(row, said) {
  return said.attempt === undefined ? row.attempt : Math.max(1, said.attempt - 1);
}

function attemptFailed(row, attempt, said, time) {
  const words = said.error || said.message || "no reason given";
  const failure = [attempt, row.phase ?? null, words, time];
  return { ...row, failures: [...(row.failures ?? []), failure], spans: left(row.spans, time) };
}

function statusIn(row, phase) {
  if (row.status === "cancelling") return "cancelling";
  return phase === "queued" && (row.status === "pending" || row.status === "queued") ? "queued" : "in_progress";
}

function entered(spans = [], phase, attempt, time, anew) {
  const last = spans.at(-1);
  const stays = last && last[3] === null && last[0] === attempt && last[1] === phase;
  if (stays && !anew) return spans;
  const before = left(spans, time);
  return (WORK.includes(phase) ? [...before, [attempt, phase, time, null]] : before).slice(-MAX_SPANS);
}

function left(spans = [], time) {
  const last = spans.at(-1);
  return last && last[3] === null ? [...spans.slice(0, -1), [...last.slice(0, 3), time]] : spans;
}

/** `progress` has no word for "not known": it is then the start of the phase's range, without a total. */
function percentOf(said, total) {
  const unknown = said.phase in RANGES && total === undefined && said.progress === RANGES[said.phase][0];
  return unknown ? undefined : Math.trunc(said.progress);
}

function phaseAt(percent) {
  return Object.keys(RANGES).find((phase) => percent < RANGES[phase][1]) ?? "persist";
}

function capped(percent, status) {
  return status === "completed" || percent == null ? percent : Math.min(99, percent);
}

function countsOf(metadata) {
  return { file: metadata?.currentFile, done: metadata?.filesProcessed, total: metadata?.totalFiles };
}

function resultOf(result, found) {
  const { findings, files, commitSha: commit } = result ?? {};
  return { artifacts: result?.artifactsCreated ?? found, findings, files, commit };
}

/** Without what is not known, and with what follows from the rest. */
function completed(fields) {
  const lists = { failures: nonEmpty(fields.failures), spans: nonEmpty(fields.spans) };
  const row = { ...fields, ...lists };
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined && value !== null));
}

function nonEmpty(list) {
  return list?.length ? list : undefined;
}

function moment(text) {
  return text == null ? undefined : Date.parse(text);
}

/** What people call a target, percent signs decoded: "acme/payments", the last part of a path. */
export function targetName(target) {
  return decoded(shortName(target)) || target;
}

function shortName(target) {
  const short = /^[\p{L}\p{N}_.-]+@[\p{L}\p{N}_.-]+:([^\n]+)$/u.exec(target);
  if (short) return lastParts(short[1], 2);
  const [address] = target.split(/[?#]/, 1);
  const cut = address.indexOf("://");
  if (cut < 0) return lastParts(target, 1);
  const [scheme, rest] = [address.slice(0, cut), address.slice(cut + 3)];
  if (scheme === "file") return lastParts(rest, 1);
  if (["http", "https", "ssh", "git"].includes(scheme))
    return (rest.includes("/") && lastParts(rest.slice(rest.indexOf("/") + 1), 2)) || rest;
  return rest.replace(/^\/+|\/+$/g, "");
}

/** Text without percent signs as URLs have them; unlike decodeURIComponent it takes what is no UTF-8, too. */
function decoded(text) {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = run.match(/[0-9a-f]{2}/gi).map((digits) => Number.parseInt(digits, 16));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  });
}

function lastParts(path, count) {
  const parts = path
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => !["", ".", ".git"].includes(part));
  return parts
    .slice(-count)
    .join("/")
    .replace(/\.git$/, "");
}

/** An event as a line of the log: number, time, words. */
export function lineOf(kind, said) {
  return [said.seq, moment(said.timestamp), wordsOf(kind, said)];
}

function wordsOf(kind, said) {
  if (kind === "complete") return "completed";
  if (kind === "failed") return `failed: ${said.error || said.message || "no reason given"}`;
  if (said.status === "retrying")
    return `attempt ${said.attempt} begins: ${said.error || said.message || "the one before failed"}`;
  if (said.status === "cancelling" || said.status === "restarted") return said.message || said.status;
  const place = WORK.includes(said.phase) ? said.phase : said.status === said.phase ? "progress" : said.status;
  const { filesProcessed: done, totalFiles: total, artifactsFound: found } = said.metadata ?? {};
  const files = done === undefined ? "" : total === undefined ? grouped(done) : `${grouped(done)} of ${grouped(total)}`;
  const words = [files, found === undefined ? "" : `${grouped(found)} artifacts`].filter(Boolean).join(", ");
  return [place, words || said.message].filter(Boolean).join(" ");
}

function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, " ");
}
