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
    this.changes += this.fill(patch);
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

  /** What a paused display goes on showing. */
  frozen() {
    const rows = new Map([...this.rows].map(([id, row]) => [id, { ...row }]));
    return { version: -1 - this.version, rows, order: [...this.order], events: new Map(this.events) };
  }

  /** Something else is wished now: should that not work for the same reason, it is said again. */
  forgetTrouble() {
    this.trouble = null;
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
    // The first snapshot of a long list leaves out the names of rows far below.
    this.rows = new Map();
    for (const id of this.order) this.rows.set(id, { name: "" });
    this.fill(snapshot);
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
    const row = this.rowOf(id);
    for (const [name, value] of Object.entries(fields)) set(row, name, value);
    this.changes += 1;
  }

  rowOf(id) {
    let row = this.rows.get(id);
    if (!row) this.rows.set(id, (row = {}));
    return row;
  }

  /** Take over a message's groups, column by column: there may be thousands of rows between two frames. Says of how many. */
  fill({ groups = [], at }) {
    let count = 0;
    for (const [positions, columns] of groups) {
      const ids = positions ? positions.map((position) => this.order[position]) : this.order;
      const rows = ids.map((id) => this.rowOf(id));
      for (const [name, column] of Object.entries(columns)) fillColumn(rows, name, column, at);
      count += rows.length;
    }
    return count;
  }

  tell() {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

/** A column of one value is everybody's, and times are told as milliseconds before `at`. */
function fillColumn(rows, name, column, at) {
  const isTime = TIMES.has(name);
  const isShared = column.length === 1;
  rows.forEach((row, index) => {
    const value = column[isShared ? 0 : index];
    set(row, name, isTime && value !== null ? at - value : value);
  });
}

function set(row, name, value) {
  if (value === null) delete row[name];
  else row[name] = value;
}
