// The rows as the kernel (or a page's socket) tells them. Pure: no document, the clock is passed in.
// The messages are written down in scanwatch/panel/_outbox.py.

const MAX_WAITING = 100;
const TIMES = new Set(["created", "started", "updated", "finished", "cancel_asked", "heard"]);

export class RowStore {
  constructor(snapshot = {}, clock = Date.now) {
    this.clock = clock;
    this.listeners = new Set();
    this.waiting = [];
    this.events = new Map();
    this.skew = 0;
    this.changes = 0;
    this.version = 0;
    this.take(snapshot);
  }

  /** A snapshot that has just come: take it unless that or something newer is shown already; true if nothing is missing now. */
  load(snapshot) {
    if ((snapshot.number ?? 0) < this.number) return false;
    if (snapshot.at !== undefined) this.skew = this.clock() - snapshot.at;
    if (snapshot.number === this.number && this.number > 0 && !this.waiting.length) return true;
    this.take(snapshot);
    const waiting = this.waiting;
    this.waiting = [];
    for (const patch of waiting) this.apply(patch);
    this.tell();
    return true;
  }

  /** "applied", "old", or "gap": a patch before it was lost, so it waits for the next snapshot. */
  apply(patch) {
    if (patch.patch <= this.number) return "old";
    if (patch.patch > this.number + 1) {
      this.waiting.push(patch);
      if (this.waiting.length > MAX_WAITING) this.waiting.shift();
      return "gap";
    }
    this.number = patch.patch;
    this.at = patch.at;
    this.skew = this.clock() - patch.at;
    if (patch.gone) this.drop(new Set(patch.gone));
    this.place(patch);
    for (const [id, fields] of Object.entries(patch.rows ?? {})) this.merge(id, fields);
    for (const [id, fields] of this.spread(patch)) this.merge(id, fields);
    for (const [id, lines] of Object.entries(patch.events ?? {})) this.events.set(id, lines);
    if ("connection" in patch) this.connection = patch.connection;
    if ("trouble" in patch) this.trouble = patch.trouble;
    this.tell();
    return "applied";
  }

  /** The gateway's time now, as far as it can be known here. */
  now() {
    return this.clock() - this.skew;
  }

  /** What a paused display goes on showing: rows are replaced, never changed, so a shallow copy stands still. */
  frozen() {
    return { version: -1 - this.version, rows: new Map(this.rows), order: [...this.order], events: new Map(this.events) };
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  take(snapshot) {
    this.number = snapshot.number ?? 0;
    this.at = snapshot.at ?? this.clock();
    this.connection = snapshot.connection ?? {};
    this.trouble = snapshot.trouble ?? null;
    this.order = snapshot.ids ?? [];
    this.rows = new Map(this.order.map((id) => [id, {}]));
    for (const [id, row] of this.spread(snapshot)) this.rows.set(id, row);
    for (const id of this.events.keys()) if (!this.rows.has(id)) this.events.delete(id);
  }

  place(patch) {
    if (patch.order) this.order = patch.order;
    else if (patch.first) this.order = [...patch.first, ...this.order];
  }

  drop(ids) {
    for (const id of ids) {
      this.rows.delete(id);
      this.events.delete(id);
    }
    this.order = this.order.filter((id) => !ids.has(id));
  }

  merge(id, fields) {
    this.changes += 1;
    const row = { ...this.rows.get(id), ...fields };
    for (const name in fields) if (fields[name] === null) delete row[name];
    this.rows.set(id, row);
  }

  /** The rows of a message's groups, each with its id. */
  *spread({ groups = [], at }) {
    for (const [positions, columns] of groups) {
      const names = Object.keys(columns);
      const count = positions?.length ?? this.order.length;
      for (let index = 0; index < count; index += 1) {
        const fields = {};
        for (const name of names) fields[name] = valueOf(name, columns[name], index, at);
        yield [this.order[positions ? positions[index] : index], fields];
      }
    }
  }

  tell() {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

/** One value of a column; a column of one value is everybody's, and times are told as milliseconds before `at`. */
function valueOf(name, column, index, at) {
  const value = column.length === 1 ? column[0] : column[index];
  return TIMES.has(name) && value !== null ? at - value : value;
}
