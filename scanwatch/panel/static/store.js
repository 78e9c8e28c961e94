// The rows as the kernel (or a page's socket) tells them. Pure: no document, the clock is passed in.
// The messages are written down in scanwatch/panel/_outbox.py.

const MAX_WAITING = 100;

export class RowStore {
  constructor(snapshot = {}, clock = Date.now) {
    this.clock = clock;
    this.listeners = new Set();
    this.waiting = [];
    this.events = new Map();
    this.skew = 0;
    this.changes = 0;
    this.take(snapshot);
  }

  /** Take a snapshot unless something newer is shown already; true if it was taken. */
  load(snapshot) {
    if ((snapshot.number ?? 0) < this.number) return false;
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
    this.changes += Object.keys(patch.rows ?? {}).length;
    for (const id of patch.gone ?? []) this.drop(id);
    this.place(patch);
    for (const [id, fields] of Object.entries(patch.rows ?? {})) this.rows.set(id, merged(this.rows.get(id), fields));
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
    return { rows: new Map(this.rows), order: [...this.order], events: new Map(this.events) };
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
    this.order = (snapshot.rows ?? []).map(([id]) => id);
    this.rows = new Map(snapshot.rows ?? []);
    for (const id of this.events.keys()) if (!this.rows.has(id)) this.events.delete(id);
  }

  place(patch) {
    if (patch.order) this.order = patch.order;
    else if (patch.first) this.order = [...patch.first, ...this.order];
  }

  drop(id) {
    this.rows.delete(id);
    this.events.delete(id);
    this.order = this.order.filter((other) => other !== id);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}

function merged(row, fields) {
  const next = { ...row, ...fields };
  for (const [name, value] of Object.entries(fields)) if (value === null) delete next[name];
  return next;
}
