// How far the work of a row has come, and how long it takes yet: what scanwatch/snapshot says of a snapshot. Pure.

export const PHASES = ["discovery", "fetch", "parse", "validate", "persist"];

/** The percents each phase covers. */
const RANGES = {
  queued: [0, 5],
  discovery: [5, 10],
  fetch: [10, 30],
  parse: [30, 60],
  validate: [60, 90],
  persist: [90, 99],
};

/** How much of its phase is done, 0-1; null when not known. */
export function shareOf({ phase, done, total, percent }) {
  if (!(phase in RANGES)) return null;
  if (done !== undefined && total !== undefined) return total === 0 ? 1 : Math.min(1, done / total);
  if (percent === undefined) return null;
  const [start, end] = RANGES[phase];
  return Math.min(1, Math.max(0, (percent - start) / (end - start)));
}

/** Seconds until the work is done, seen at the last event, by the rate of the whole attempt; null when not known. */
export function leftS({ status, settling, phase, percent, updated, attempt, spans }) {
  const begun = spans?.find(([number]) => number === attempt)?.[2];
  if (status !== "in_progress" || settling || !PHASES.includes(phase)) return null;
  const [start, end] = [RANGES.discovery[0], RANGES.persist[1]];
  const workedS = (updated - begun) / 1000;
  // Also where one of them is not known: nothing compares with what is no number.
  if (!(percent > start && workedS > 0)) return null;
  return Math.max(0, (workedS * (end - percent)) / (percent - start));
}
