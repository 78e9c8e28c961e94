// What the page knows of all scans, brought to the panel's row store as patches. Pure: the clock and the asking of the
// gateway are passed in. An event that does not follow on what is known (a new scan, a gap) waits for a snapshot.

import { applied, hasEnded, lineOf, rowOf } from "./scans.js";

const ASKED_AT_ONCE = 50;
const MAX_HELD = 1000;
const LOG_LINES = 10;
const CLOCKS_AGREE_MS = 2000;
/** Asks for no events: the snapshot says it all. */
const NO_REPLAY = Number.MAX_SAFE_INTEGER;

export class Feed {
  /** `ask(request)` subscribes and resolves with the acknowledgement, `leave` undoes it; `changed()` is told of news. */
  constructor({ ask, leave, changed, clock = Date.now, maxRows = 2000 }) {
    Object.assign(this, { ask, leave, changed, clock, maxRows });
    this.rows = new Map();
    this.logs = new Map();
    this.held = new Map();
    this.wanted = new Set();
    this.told = { rows: new Map(), order: [], logs: new Map(), rest: {} };
    this.number = 0;
    this.connection = {};
    this.trouble = null;
    this.following = false;
    this.aheadMs = 0;
  }

  /** What time it is by the gateway's clock. */
  dated(there) {
    const ahead = there - this.clock();
    this.aheadMs = Math.abs(ahead) < CLOCKS_AGREE_MS ? 0 : ahead;
  }

  /** Join anew, after every connect: everything that runs, what ended last, and all that comes. */
  async follow() {
    this.following = false;
    this.held.clear();
    this.wanted.clear();
    const answer = await this.ask({ all: true });
    if (!answer.ok) throw new Error(answer.message);
    this.load(answer.scans);
    const brought = new Set(answer.scans.map(({ scanId }) => scanId));
    for (const [id, row] of this.rows) if (!hasEnded(row) && !brought.has(id)) this.wanted.add(id);
    for (const id of this.held.keys()) this.wanted.add(id);
    this.following = true;
    this.catchUp();
    return answer.more;
  }

  /** Ask for scans that are not known yet. */
  want(ids) {
    for (const id of ids) if (!this.rows.has(id)) this.wanted.add(id);
    this.catchUp();
  }

  /** An event from the socket. */
  receive(id, kind, said) {
    const row = this.rows.get(id);
    if (!Number.isSafeInteger(said?.seq) || (row && (hasEnded(row) || said.seq <= (row.seq ?? 0)))) return;
    const follows = row && !this.held.has(id) && (said.mergedFrom ?? said.seq) <= (row.seq ?? 0) + 1;
    if (follows) this.take(id, kind, said);
    else this.hold(id, kind, said);
    this.changed();
  }

  hold(id, kind, said) {
    const events = this.held.get(id) ?? [];
    this.held.set(id, [...events, [kind, said]].slice(-MAX_HELD));
    this.wanted.add(id);
    if (this.following) this.catchUp();
  }

  take(id, kind, said) {
    const row = this.rows.get(id);
    const next = applied(row, kind, said);
    if (next !== row) this.rows.set(id, heardAt(next, this.clock()));
    if (this.logs.has(id)) this.log(id, [lineOf(kind, said)]);
  }

  /** Take snapshots, and what was held for them. */
  load(scans) {
    for (const { scanId: id, snapshot } of scans) {
      const known = this.rows.get(id);
      const row = rowOf(snapshot);
      const here = row.updated === undefined ? undefined : row.updated - this.aheadMs;
      if (!known || (row.seq ?? 0) > (known.seq ?? 0)) this.rows.set(id, heardAt(row, this.clock(), here));
      const held = this.held.get(id) ?? [];
      this.held.delete(id);
      held.sort(([, one], [, other]) => one.seq - other.seq);
      for (const [kind, said] of held) this.receive(id, kind, said);
    }
    this.changed();
  }

  /** Ask for the snapshots that are wanted, one batch after the other. */
  async catchUp() {
    if (this.asking || !this.following) return;
    this.asking = true;
    try {
      while (this.wanted.size) {
        const ids = [...this.wanted].slice(0, ASKED_AT_ONCE);
        for (const id of ids) this.wanted.delete(id);
        await this.fetch(ids);
      }
    } catch {
      // The connection broke: whoever joins anew asks for everything anew.
    } finally {
      this.asking = false;
    }
  }

  async fetch(ids) {
    const after = Object.fromEntries(ids.map((id) => [id, NO_REPLAY]));
    const answer = await this.ask({ scanIds: ids, after });
    if (answer.ok) {
      this.load(answer.scans);
      // Their events come with everybody's; a client may be in a limited number of rooms.
      await this.leave({ scanIds: ids });
      const brought = new Set(answer.scans.map(({ scanId }) => scanId));
      if (brought.size) for (const id of ids) if (!brought.has(id)) this.wanted.add(id);
    } else if (ids.length > 1) {
      for (const id of ids) await this.fetch([id]);
    } else if (answer.code === "not_found" || answer.code === "forbidden") {
      this.forget(ids[0]);
    } else {
      this.held.delete(ids[0]);
    }
  }

  forget(id) {
    for (const one of [this.rows, this.logs, this.held]) one.delete(id);
    this.wanted.delete(id);
    this.changed();
  }

  /** Keep a log of a scan whose details are open; `logHistory` brings what came before. */
  openLog(id) {
    if (!this.logs.has(id)) this.logs.set(id, []);
  }

  closeLog(id) {
    this.logs.delete(id);
    this.told.logs.delete(id);
  }

  /** The log's beginning: [kind, payload] of its history. */
  logHistory(id, events) {
    this.log(
      id,
      events.map(([kind, said]) => lineOf(kind, said)),
    );
  }

  log(id, lines) {
    const known = this.logs.get(id);
    if (!known) return;
    const bySeq = new Map([...known, ...lines].map((line) => [line[0], line]));
    this.logs.set(id, [...bySeq.values()].sort(([one], [other]) => one - other).slice(-LOG_LINES));
    this.changed();
  }

  /** What changed since the last call as a patch of the row store; null for nothing. */
  /** What did not work; told even if it is the same as before, for the view has forgotten that since. */
  complain(words) {
    this.trouble = words;
    this.told.rest.trouble = null;
  }

  patch() {
    this.dropOldest();
    const order = [...this.rows.keys()].sort((one, other) => this.age(other) - this.age(one));
    const changes = { ...this.newRows(), ...this.newOrder(order), ...this.newLogs(), ...this.newRest() };
    if (!Object.keys(changes).length) return null;
    this.number += 1;
    return { patch: this.number, at: this.clock(), ...changes };
  }

  age(id) {
    const { created, updated } = this.rows.get(id);
    return created ?? updated ?? 0;
  }

  dropOldest() {
    const over = this.rows.size - this.maxRows;
    if (over <= 0) return;
    const ended = [...this.rows.keys()].filter((id) => hasEnded(this.rows.get(id)));
    ended.sort((one, other) => this.age(one) - this.age(other));
    for (const id of ended.slice(0, over)) this.rows.delete(id);
  }

  newRows() {
    const rows = {};
    for (const [id, row] of this.rows) {
      const told = this.told.rows.get(id);
      if (told !== row) rows[id] = difference(told ?? {}, row);
      this.told.rows.set(id, row);
    }
    return Object.keys(rows).length ? { rows } : {};
  }

  newOrder(order) {
    const gone = this.told.order.filter((id) => !this.rows.has(id));
    const same = order.length === this.told.order.length && order.every((id, at) => id === this.told.order[at]);
    for (const id of gone) this.told.rows.delete(id);
    this.told.order = order;
    return { ...(same ? {} : { order }), ...(gone.length ? { gone } : {}) };
  }

  newLogs() {
    const events = {};
    for (const [id, lines] of this.logs) if (this.told.logs.get(id) !== lines && lines.length) events[id] = lines;
    for (const id in events) this.told.logs.set(id, events[id]);
    return Object.keys(events).length ? { events } : {};
  }

  newRest() {
    const changes = {};
    for (const name of ["connection", "trouble"])
      if (this.told.rest[name] !== this[name]) changes[name] = this.told.rest[name] = this[name];
    return changes;
  }
}

/** The fields of `row` that differ from `told`; one that is gone comes as null. */
export function difference(told, row) {
  const changed = Object.entries(row).filter(([name, value]) => told[name] !== value);
  const gone = Object.keys(told).filter((name) => !(name in row));
  return Object.fromEntries([...changed, ...gone.map((name) => [name, null])]);
}

/** The row with the time at which its newest event came here, where that says something: clocks may differ. */
function heardAt({ heard: _before, ...row }, now, latest = now) {
  const heard = Math.min(now, latest ?? now);
  const agrees = row.updated === undefined || Math.abs(heard - row.updated) < CLOCKS_AGREE_MS;
  return agrees ? row : { ...row, heard };
}
