// The list of rows: only those in sight exist in the document. It has one tab stop; arrows move the current row.

import { Details } from "./details.js";
import { askMany, cancelOne, make, setAttribute } from "./elements.js";
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
  constructor({ compact, label, maxHeight, selection, actions, changed }) {
    this.compact = compact;
    this.maxHeight = maxHeight;
    this.selection = selection;
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
    this.can = () => "";
    this.box = make("div", "sw-rows", { role: "rowgroup" });
    this.node = this.makeGrid(label);
    this.listen();
    this.handlers = {
      toggle: (id) => this.toggle(id),
      nameClicked: (id) => {
        if (this.isNarrow()) this.toggle(id);
      },
      ask: (id) => this.askFor(this.among(id, "cancel"), "cancel", id),
      keep: () => this.ask(null),
      agree: () => this.agree(),
      retry: (id) => this.retry(id),
    };
  }

  makeGrid(label) {
    const unseen = (look) => look.includes("unseen");
    const heads = HEADS.map(([word, look]) =>
      make(
        "span",
        unseen(look) ? "" : look,
        { role: "columnheader" },
        unseen(look) ? make("span", look, {}, word) : word,
      ),
    );
    const attributes = {
      role: "grid",
      tabindex: "0",
      "aria-label": label,
      "aria-multiselectable": "true",
      "data-lm-suppress-shortcuts": "true",
    };
    const head = this.compact ? [] : [make("div", "sw-head", { role: "row", "aria-rowindex": "1" }, ...heads)];
    return make("div", "sw-list", attributes, ...head, this.box);
  }

  listen() {
    this.node.addEventListener("scroll", this.changed, { passive: true });
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("focusout", this.changed);
    this.box.addEventListener("pointerenter", () => {
      this.pointerInside = true;
    });
    this.box.addEventListener("pointerleave", () => {
      this.pointerInside = false;
      this.changed();
    });
    this.box.addEventListener("pointerdown", (event) => this.pressed(event));
    this.box.addEventListener("click", (event) => this.clicked(event));
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
    if (this.asking !== null && !shown.has(this.asking.at)) this.asking = null;
  }

  /**
   * Draw the rows in sight; `of(id)` gives {row, facts, estimate, lines, now}, `can(id)` what may be done to one.
   * Returns how many are in sight.
   */
  paint(of, can, countOfAll) {
    this.can = can;
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
      const asking = this.asking?.at === id && state.facts.can ? this.question(state.row) : null;
      settle(row.node);
      row.place({ y, index, current: this.current === id, open, selected: this.selection.has(id) });
      row.update(state.row, state.facts, { ...state, open, asking });
      if (!open) continue;
      settle(this.opened.get(id).node);
      grew = this.drawDetails(this.opened.get(id), y + height, state) || grew;
    }
    setAttribute(this.node, "aria-activedescendant", this.pool.get(this.current)?.node.id ?? null);
    if (this.asking !== null && !this.pool.get(this.asking.at)?.question) this.asking = null;
    if (grew) this.changed();
  }

  drawDetails(details, y, { row, lines, now }) {
    details.node.style.transform = `translateY(${y}px)`;
    details.update(row, lines, now);
    const { offsetWidth: width, offsetHeight } = details.node;
    // Fixed while open, so that rows below do not move with every event; a panel made wider is another matter.
    const height = Math.max(width === details.width ? details.height : 0, offsetHeight);
    const grew = height !== details.height;
    Object.assign(details, { width, height });
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
      this.opened.set(id, new Details(id, `${this.prefix}-details-${(this.made += 1)}`, { inGrid: true }));
      this.actions.open(id);
    }
    this.changed();
  }

  question(row) {
    const { ids, deed } = this.asking;
    return ids.length === 1 && deed === "cancel" ? cancelOne(row.name) : askMany(deed, ids.length);
  }

  /** Ask in a row before something is done; `null` takes the question back. */
  ask(asking) {
    const before = this.asking;
    this.asking = asking;
    this.changed.now();
    if (asking !== null) this.pool.get(asking.at)?.question?.focusNo();
    else if (before !== null) this.node.focus({ preventScroll: true });
  }

  /** Ask in the row `at` before `deed` is done to the scans `ids`. */
  askFor(ids, deed, at) {
    if (!ids.length) return;
    this.goTo(this.listed.indexOf(at));
    this.changed.now();
    this.ask({ ids, deed, at });
  }

  askSelected(deed) {
    const ids = this.deeds()[deed];
    const at = ids.includes(this.current) ? this.current : this.listed.find((id) => ids.includes(id));
    if (at !== undefined) this.askFor(ids, deed, at);
  }

  agree() {
    const { ids, deed } = this.asking;
    for (const id of ids) if (this.can(id) === deed) this.actions[deed](id);
    this.ask(null);
  }

  /** The scans meant by a deed on the row `id`: the selection if the row is in it, else the row alone. */
  among(id, deed) {
    const several = this.selection.has(id) && this.selection.size > 1;
    return (several ? this.selectedAndListed() : [id]).filter((one) => this.can(one) === deed);
  }

  retry(id) {
    const ids = this.among(id, "retry");
    if (ids.length > 1) this.askFor(ids, "retry", id);
    else if (ids.length) this.actions.retry(ids[0]);
  }

  /** Nothing is done to a selected scan that the filters hide. */
  selectedAndListed() {
    if (!this.selection.size) return [];
    const listed = new Set(this.listed);
    return this.selection.ids.filter((id) => listed.has(id));
  }

  /** What can be done to the selected scans: {size, hidden: how many the filters hide, cancel: ids, retry: ids}. */
  deeds() {
    const seen = this.selectedAndListed();
    const having = (deed) => seen.filter((id) => this.can(id) === deed);
    const { size } = this.selection;
    return { size, hidden: size - seen.length, cancel: having("cancel"), retry: having("retry") };
  }

  rowOf(event) {
    const row = event.target.closest?.(".sw-row");
    return [...this.pool].find(([, { node }]) => node === row)?.[0] ?? null;
  }

  pressed(event) {
    const id = this.rowOf(event);
    if (id === null) return;
    // Else a range chosen with Shift would select the words of the rows in between.
    if (event.shiftKey) event.preventDefault();
    this.before = this.current;
    this.current = id;
    this.changed();
  }

  /** A click on a row selects it; on one of its buttons it does what the button says. */
  clicked(event) {
    const id = this.rowOf(event);
    if (id === null || event.target.closest("button, .sw-ask") || getSelection()?.type === "Range") return;
    if (event.shiftKey) this.selection.range(this.listed, id, this.before ?? id);
    else if (event.ctrlKey || event.metaKey) this.selection.toggle(id);
    else if (!this.isNarrow()) this.selection.only(id);
    this.node.focus({ preventScroll: true });
  }

  key(event) {
    if (event.altKey || event.target.closest(".sw-ask, .sw-details")) return;
    const act = this.reaction(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    this.changed();
  }

  /** What a key means here. On a button of a row only moving away does: the button has keys of its own. */
  reaction(event) {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey)
      return key.toLowerCase() === "a" && !shiftKey ? () => this.selection.all(this.listed) : null;
    const move = this.moves(key);
    if (event.target !== this.node && !move) return null;
    if (move) return () => this.moveTo(move.to, shiftKey);
    return this.acts(key);
  }

  moveTo(index, selecting) {
    const from = this.current;
    this.goTo(index);
    if (selecting) this.selection.range(this.listed, this.current, from);
    this.node.focus({ preventScroll: true });
  }

  moves(key) {
    const at = this.listed.indexOf(this.current);
    const page = Math.max(1, Math.floor(this.node.clientHeight / this.rowHeight()) - 1);
    const last = this.listed.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + page, PageUp: at - page }[key];
    if (to === undefined || last < 0) return null;
    return { to: Math.min(last, Math.max(0, to)) };
  }

  acts(key) {
    const id = this.current;
    if (id === null) return null;
    const [opening, closing] = this.node.matches(":dir(rtl)") ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
    return {
      Enter: () => this.toggle(id),
      [opening]: () => {
        if (!this.opened.has(id)) this.toggle(id);
      },
      [closing]: () => {
        if (this.opened.has(id)) this.toggle(id);
      },
      " ": () => this.selection.toggle(id),
      c: () => this.askFor(this.among(id, "cancel"), "cancel", id),
      r: () => this.retry(id),
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
