// Which rows are listed, and in which order. Pure. scanwatch/panel/_listing.py says the same in Python.

import { groupOf, stateOf } from "./facts.js";

export const EVERYTHING = { state: "all", text: "", mine: false, order: "newest" };

/** The ids that pass `filters`; `now` and `stalledAfterS` decide what is stalled, `caller` what is mine. */
export function listedIds({ order, rows }, filters, { now, stalledAfterS, caller }) {
  const needle = filters.text.trim().toLowerCase();
  const ids = order.filter((id) => {
    const row = rows.get(id);
    if (!row || (filters.mine && row.by !== caller)) return false;
    return hasState(row, filters.state, now, stalledAfterS) && (!needle || saysIn(id, row, needle));
  });
  if (filters.order === "oldest") ids.reverse();
  if (filters.order === "name") ids.sort((one, other) => compareText(rows.get(one).name, rows.get(other).name));
  return ids;
}

function hasState(row, state, now, stalledAfterS) {
  if (state === "all") return true;
  if (state === "stalled") return stateOf(row, now, stalledAfterS) === "stalled";
  return groupOf(row) === state;
}

function saysIn(id, row, needle) {
  return [row.name, row.target, row.message, row.error, id].some((words) => words?.toLowerCase().includes(needle));
}

function compareText(one, other) {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return a < b ? -1 : Number(a > b);
}

/**
 * The {place, of, workers, busy} of each waiting scan among those that wait, place 1 for the one that came first.
 * `workers` is how many scans the gateway runs at once, null where that is not known; `busy`: so many do run.
 */
export function queuePlaces({ order, rows }, workers) {
  const having = (group) => order.filter((id) => rows.has(id) && groupOf(rows.get(id)) === group);
  const waiting = having("queued").reverse();
  const busy = workers !== null && waiting.length > 0 && having("in_progress").length === workers;
  return new Map(waiting.map((id, index) => [id, { place: index + 1, of: waiting.length, workers, busy }]));
}

/** Repositories whose name or target has `text` in it, those that begin with it first. */
export function suggestionsFor(text, known, most = 6) {
  const needle = text.trim().toLowerCase();
  if (!needle) return known.slice(0, most);
  const at = ({ name, target }) => Math.max(startOf(name, needle), startOf(target, needle));
  return known
    .filter((one) => at(one) > 0 && one.target !== text.trim())
    .sort((one, other) => at(other) - at(one))
    .slice(0, most);
}

/** 2: begins with it, 1: has it in it, 0: neither. */
function startOf(words, needle) {
  const index = words.toLowerCase().indexOf(needle);
  return index === 0 ? 2 : Number(index > 0);
}

/** "ref=main path=docs" as an object; {error} with the words for what is no option. */
export function readOptions(text) {
  const options = {};
  for (const part of text.trim().split(/\s+/).filter(Boolean)) {
    const cut = part.indexOf("=");
    if (cut < 1) return { error: `An option is written NAME=VALUE, such as ref=main; "${part}" is none.` };
    options[part.slice(0, cut)] = part.slice(cut + 1);
  }
  return { options };
}
