// The list of rows: only those in sight exist in the document. It has one tab stop; arrows move the current row.

import { Details } from "./details.js";
import { make, setAttribute, setText } from "./elements.js";
import { CompactRow, FullRow } from "./rows.js";

const HEADS = [
  ["Details", "sw-unseen"],
  ["Status", "sw-status-head"],
  ["Scan", ""],
  ["Progress", ""],
  ["Artifacts", "sw-right sw-artifacts"],
  ["Time", "sw-right"],
  ["Last event", "sw-right sw-last"],
  ["Action", "sw-unseen"],
];
const OVERSCAN = 4;
let panels = 0;

export class ScanList {
  constructor({ compact, label, maxHeight, actions, changed }) {
    this.compact = compact;
    this.maxHeight = maxHeight;
    this.actions = actions;
    this.changed = changed;
    this.prefix = `sw-${(panels += 1)}`;
    this.listed = [];
    this.pool = new Map();
    this.free = [];
    this.made = 0;
    this.opened = new Map();
    this.current = null;
    this.asking = null;
    this.pointerInside = false;
    this.box = make("div", "sw-rows", { role: "rowgroup" });
    const heads = HEADS.map(([word, look]) =>
      make(
        "span",
        look.includes("unseen") ? "" : look,
        { role: "columnheader" },
        look.includes("unseen") ? make("span", look, {}, word) : word,
      ),
    );
    this.node = make(
      "div",
      "sw-list",
      { role: "grid", tabindex: "0", "aria-label": label, "data-lm-suppress-shortcuts": "true" },
      ...(compact ? [] : [make("div", "sw-head", { role: "row", "aria-rowindex": "1" }, ...heads)]),
      this.box,
    );
    this.node.addEventListener("scroll", changed, { passive: true });
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("pointerenter", () => {
      this.pointerInside = true;
    });
    this.box.addEventListener("pointerleave", () => {
      this.pointerInside = false;
      changed();
    });
    this.node.addEventListener("focusout", changed);
    this.box.addEventListener("pointerdown", (event) => this.pressed(event));
    this.handlers = {
      toggle: (id) => this.toggle(id),
      nameClicked: (id) => {
        if (this.isNarrow()) this.toggle(id);
      },
      ask: (id) => this.ask(id),
      keep: () => this.ask(null),
      cancel: (id) => {
        this.actions.cancel(id);
        this.ask(null);
      },
      retry: (id) => this.actions.retry(id),
    };
  }

  /** Whether rows must stay where they are: somebody reads, points at or works with them. */
  holds() {
    const scrolls = this.node.scrollHeight > this.node.clientHeight;
    return (
      this.asking !== null ||
      this.node.scrollTop > 0 ||
      (scrolls && this.pointerInside) ||
      this.node.contains(document.activeElement)
    );
  }

  isNarrow() {
    return getComputedStyle(this.node).getPropertyValue("--sw-narrow").trim() === "1";
  }

  setListed(ids) {
    this.listed = ids;
    const shown = new Set(ids);
    for (const id of this.opened.keys()) if (!shown.has(id)) this.toggle(id);
    if (this.current !== null && !shown.has(this.current)) this.current = null;
    if (this.asking !== null && !shown.has(this.asking)) this.asking = null;
  }

  /** Draw the rows in sight; `of(id)` gives {row, facts, estimate, lines, now}. Returns how many are in sight. */
  paint(of, countOfAll) {
    const height = this.rowHeight();
    const extra = [...this.opened.values()].reduce((sum, details) => sum + (details.height ?? 0), 0);
    this.node.style.maxHeight = `${this.maxHeight + Math.min(extra, 400)}px`;
    this.box.style.height = `${this.listed.length * height + extra}px`;
    setAttribute(this.node, "aria-rowcount", countOfAll + 1);
    const top = Math.max(0, this.node.scrollTop - 30);
    const bottom = this.node.scrollTop + this.node.clientHeight;
    const wanted = [];
    let y = 0;
    let inSight = 0;
    for (let index = 0; index < this.listed.length && y < bottom + OVERSCAN * height; index += 1) {
      const id = this.listed[index];
      const below = this.opened.get(id)?.height ?? (this.opened.has(id) ? 300 : 0);
      if (y + height + below > top - OVERSCAN * height) wanted.push([id, index, y]);
      if (y + height > top && y + height / 2 < bottom) inSight += 1;
      y += height + below;
    }
    this.draw(wanted, height, of);
    return inSight;
  }

  draw(wanted, height, of) {
    const ids = new Set(wanted.map(([id]) => id));
    for (const [id, row] of this.pool) if (!ids.has(id)) this.release(id, row);
    for (const [id, details] of this.opened) if (!ids.has(id)) details.node.remove();
    let grew = false;
    let next = this.box.firstElementChild;
    // The document's order is the order read aloud. Only a node that is out of place moves: moving one loses its focus.
    const settle = (node) => {
      if (node === next) next = next.nextElementSibling;
      else this.box.insertBefore(node, next);
    };
    for (const [id, index, y] of wanted) {
      const state = of(id);
      const row = this.pool.get(id) ?? this.take(id);
      const open = this.opened.has(id);
      const asking = this.asking === id && state.facts.can === "cancel";
      settle(row.node);
      row.place({ y, index, current: this.current === id, open });
      row.update(state.row, state.facts, { ...state, open, asking });
      if (!open) continue;
      settle(this.opened.get(id).node);
      grew = this.drawDetails(this.opened.get(id), y + height, state) || grew;
    }
    setAttribute(this.node, "aria-activedescendant", this.pool.get(this.current)?.node.id ?? null);
    if (this.asking !== null && !this.pool.get(this.asking)?.question) this.ask(null);
    if (grew) this.changed();
  }

  drawDetails(details, y, { row, lines, now }) {
    details.node.style.transform = `translateY(${y}px)`;
    details.update(row, lines, now);
    const height = Math.max(details.height ?? 0, details.node.offsetHeight);
    const grew = height !== details.height;
    details.height = height;
    return grew;
  }

  take(id) {
    const row = this.free.pop() ?? new (this.compact ? CompactRow : FullRow)(this.handlers);
    row.bind(id, `${this.prefix}-row-${(this.made += 1)}`);
    this.pool.set(id, row);
    return row;
  }

  release(id, row) {
    this.pool.delete(id);
    row.node.remove();
    this.free.push(row);
  }

  rowHeight() {
    return Number.parseFloat(getComputedStyle(this.node).getPropertyValue("--sw-row-height")) || 44;
  }

  toggle(id) {
    const open = this.opened.get(id);
    if (open) {
      open.node.remove();
      this.opened.delete(id);
      this.actions.close(id);
    } else if (!this.compact) {
      this.opened.set(id, new Details(id, `${this.prefix}-details-${(this.made += 1)}`));
      this.actions.open(id);
    }
    this.changed();
  }

  /** Ask in the row whether its scan should be cancelled; `null` takes the question back. */
  ask(id) {
    const before = this.asking;
    this.asking = id;
    this.changed.now();
    if (id !== null) this.pool.get(id)?.question?.focusNo();
    else if (before !== null) this.node.focus({ preventScroll: true });
  }

  pressed(event) {
    const row = event.target.closest?.(".sw-row");
    const entry = [...this.pool].find(([, { node }]) => node === row);
    if (entry) this.current = entry[0];
    this.changed();
  }

  key(event) {
    if (event.target !== this.node || event.altKey || event.ctrlKey || event.metaKey) return;
    const act = this.moves(event.key) ?? this.deeds(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    this.changed();
  }

  moves(key) {
    const at = this.listed.indexOf(this.current);
    const page = Math.max(1, Math.floor(this.node.clientHeight / this.rowHeight()) - 1);
    const last = this.listed.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + page, PageUp: at - page }[key];
    if (to === undefined || last < 0) return null;
    return () => this.goTo(Math.min(last, Math.max(0, to)));
  }

  deeds(key) {
    const id = this.current;
    if (id === null) return null;
    const row = this.pool.get(id);
    return {
      Enter: () => this.toggle(id),
      ArrowRight: () => {
        if (!this.opened.has(id)) this.toggle(id);
      },
      ArrowLeft: () => {
        if (this.opened.has(id)) this.toggle(id);
      },
      c: () => {
        if (row?.can === "cancel") this.ask(id);
      },
      r: () => {
        if (row?.can === "retry") this.actions.retry(id);
      },
    }[key];
  }

  goTo(index) {
    this.current = this.listed[index];
    const height = this.rowHeight();
    const above = this.listed.slice(0, index).reduce((sum, id) => sum + (this.opened.get(id)?.height ?? 0), 0);
    const y = index * height + above;
    const headHeight = this.compact ? 0 : this.box.offsetTop;
    const room = this.node.clientHeight - headHeight;
    if (y < this.node.scrollTop) this.node.scrollTop = y;
    else if (y + height > this.node.scrollTop + room) this.node.scrollTop = y + height - room;
  }
}
