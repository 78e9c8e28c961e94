// A panel in the document: puts the parts together, decides what is listed, and paints at most once a frame.
// It knows a store and a host, not where they come from: a widget (panel.js) and a page use it alike.
//
//   host.actions   trigger(target), cancel(id), retry(id), open(id), close(id)
//   host.alive()   whether anybody can send news and take clicks;   host.busy()  whether one waits

import { Card } from "./card.js";
import { make, show } from "./elements.js";
import { countStates, factsOf, groupOf, stateOf, timeOf } from "./facts.js";
import { Announcer, Foot } from "./foot.js";
import { CompactHead, ConnectionSign, Filters, NoMatch, Note, Trigger, makeEmpty, noteFor } from "./head.js";
import { ScanList } from "./list.js";
import { SteadyWords } from "./words.js";

const TICK_MS = 1000;
const BUSY_AFTER_MS = 1500;
const AWAY_AFTER_MS = 5000;

let views = 0;

export class PanelView {
  constructor(root, store, host, options = {}) {
    this.root = root;
    this.store = store;
    this.host = host;
    this.options = {
      compact: false,
      single: false,
      read_only: false,
      title: "Scans",
      max_height: 480,
      stalled_after_s: 30,
      ...options,
    };
    this.estimates = new SteadyWords();
    this.paused = null;
    this.clickedAt = null;
    this.frame = 0;
    this.changed = () => {
      this.frame ||= requestAnimationFrame(() => this.paint());
    };
    this.changed.now = () => this.paint();
    this.actions = this.guardedActions();
    this.build();
    const look = () => {
      this.announcer.update(store.rows, Date.now());
      this.changed();
    };
    this.unsubscribe = store.subscribe(look);
    this.timer = setInterval(look, TICK_MS);
    this.resizes = new ResizeObserver(this.changed);
    this.resizes.observe(root);
    this.paint();
  }

  destroy() {
    this.unsubscribe();
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.resizes.disconnect();
    this.panel.remove();
  }

  guardedActions() {
    const click = (name) => (value) => {
      if (!this.host.alive()) return;
      this.clickedAt = Date.now();
      this.host.actions[name](value);
      this.changed();
    };
    return {
      trigger: click("trigger"),
      cancel: click("cancel"),
      retry: click("retry"),
      open: this.host.actions.open,
      close: this.host.actions.close,
    };
  }

  build() {
    const { compact, single, title, read_only: readOnly, max_height: maxHeight } = this.options;
    this.connection = new ConnectionSign();
    this.note = new Note();
    this.announcer = new Announcer(this.store.rows);
    this.filters = new Filters(() => {
      this.relist = true;
      this.changed();
    });
    this.panel = make("section", `sw${compact ? " sw-compact" : ""}`, { role: "region", "aria-label": title });
    this.panel.addEventListener("keydown", (event) => this.key(event));
    if (single) this.buildCard();
    else this.buildTable(compact, title, readOnly, maxHeight);
    this.panel.append(this.announcer.node);
    this.root.append(this.panel);
  }

  buildCard() {
    this.card = new Card(this.connection, { ...this.actions, changed: this.changed }, `sw-card-${(views += 1)}`);
    this.panel.append(this.note.node, this.card.node);
  }

  buildTable(compact, title, readOnly, maxHeight) {
    this.list = new ScanList({ compact, label: title, maxHeight, actions: this.actions, changed: this.changed });
    this.noMatch = new NoMatch(() => this.filters.clear());
    if (compact) {
      this.compactHead = new CompactHead(this.connection);
      return this.panel.append(this.compactHead.node, this.note.node, this.list.node);
    }
    this.trigger = new Trigger((target) => this.actions.trigger(target));
    this.top = make("div", "sw-top", {}, ...(readOnly ? [] : [this.trigger.node]), this.connection.node);
    this.empty = makeEmpty(readOnly, this.options.example);
    this.foot = new Foot({ onPause: () => this.pause(), onShowNew: () => this.showNew() });
    this.panel.append(
      this.top,
      this.note.node,
      this.filters.node,
      this.list.node,
      this.noMatch.node,
      this.empty,
      this.foot.node,
    );
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const live = this.situation();
    this.panel.classList.toggle("sw-past", !live.live);
    this.connection.update(this.store.connection, this.store.now());
    this.note.update(
      noteFor({
        ...live,
        connection: this.store.connection,
        trouble: this.store.trouble,
        waitsForKernel: this.waitsForKernel(),
      }),
    );
    if (this.card) this.paintCard(live);
    else this.paintTable(live);
  }

  /** Whether rows are news, and as of when they are shown. */
  situation() {
    const { state, since } = this.store.connection;
    const alive = this.host.alive();
    const now = this.store.now();
    const away = state === "reconnecting" && since !== undefined && now - since > AWAY_AFTER_MS;
    const joined = state === "live" || state === "polling";
    const live = alive && !away && (joined || state === "reconnecting");
    const at = alive ? (since ?? this.store.at) : this.store.at;
    // While events cannot come, their absence says nothing about a scan.
    return {
      alive,
      live,
      at,
      now: live ? now : at,
      stalledAfterS: joined ? this.options.stalled_after_s : Infinity,
      readOnly: this.options.read_only,
    };
  }

  waitsForKernel() {
    return this.clickedAt !== null && Date.now() - this.clickedAt > BUSY_AFTER_MS && this.host.busy();
  }

  stateFor(id, rows, live) {
    const row = rows.get(id);
    const facts = factsOf(row, live);
    const estimate = this.estimateFor(id, facts, live);
    return { row, facts, estimate, now: timeOf(row, live.now), lines: this.store.events.get(id) };
  }

  /** How long it takes yet, in words that do not flicker; "no estimate" only where there was one. */
  estimateFor(id, facts, live) {
    if (facts.ended) this.estimates.forget(id);
    if (!facts.working || !live.live) return "";
    const wanted = facts.estimate && facts.estimate !== "under 1 min" ? `${facts.estimate} left` : facts.estimate;
    const known = this.estimates.has(id);
    const words = this.estimates.words(id, wanted, live.now);
    return words || (known || facts.state === "stalled" ? "no estimate" : "");
  }

  paintCard(live) {
    const id = this.store.order[0];
    show(this.card.node, id !== undefined);
    if (id === undefined) return;
    const state = this.stateFor(id, this.store.rows, live);
    this.card.update(id, state.row, state.facts, state);
  }

  paintTable(situation) {
    // A paused display stands still as a whole: ages that went on would soon call frozen rows stalled.
    const picture = this.paused ?? this.store;
    const live = this.paused ? { ...situation, now: this.paused.since } : situation;
    const { counts, wanted } = this.overview(picture, live);
    const fresh = this.updateListed(picture, wanted);
    const empty = counts.all === 0;
    const inSight = this.list.paint((id) => this.stateFor(id, picture.rows, live), counts.all);
    show(this.list.node, !empty && this.list.listed.length > 0);
    if (this.compactHead) return this.compactHead.update(counts, inSight);
    this.trigger.update(live.live);
    show(this.top, live.alive);
    show(this.empty, empty);
    show(this.filters.node, !empty);
    show(this.foot.node, !empty);
    show(this.noMatch.node, !empty && this.list.listed.length === 0);
    this.noMatch.update(this.filters, counts.all);
    this.filters.update(counts);
    const paused = this.paused && { since: this.paused.since, waiting: this.store.changes - this.paused.changes };
    this.foot.update({
      counts,
      rows: picture.rows,
      now: situation.now,
      live: live.live,
      at: live.at,
      paused,
      listed: this.list.listed.length,
      inSight,
      fresh,
    });
  }

  /** What goes over all rows: once for each piece of news and each second, not for every frame of a scroll. */
  overview(picture, live) {
    const { state, text, order } = this.filters;
    const second = Math.floor(live.now / 1000);
    const key = JSON.stringify([picture.version, second, live.stalledAfterS, state, text, order]);
    if (key !== this.overviewKey) {
      this.overviewKey = key;
      const counts = countStates(picture.rows, live.now, live.stalledAfterS);
      this.overviewed = { counts, wanted: this.idsFor(picture, live) };
    }
    return this.overviewed;
  }

  /** Bring the list up to date unless that would move rows under somebody's eyes; how many rows wait. */
  updateListed(picture, wanted) {
    if (this.relist || !this.list.holds()) {
      this.relist = false;
      if (this.list.listed !== wanted) this.list.setListed(wanted);
      this.fresh = 0;
    } else if (this.weighed !== wanted) {
      const listed = new Set(this.list.listed);
      if (this.list.listed.some((id) => !picture.rows.has(id)))
        this.list.setListed(this.list.listed.filter((id) => picture.rows.has(id)));
      this.fresh = wanted.filter((id) => !listed.has(id)).length;
    }
    this.weighed = wanted;
    return this.fresh;
  }

  idsFor({ order, rows }, live) {
    const { state, text, order: sort } = this.filters;
    const needle = text.trim().toLowerCase();
    const passes = (id) => {
      const row = rows.get(id);
      if (!row) return false;
      if (state === "stalled" && stateOf(row, live.now, live.stalledAfterS) !== "stalled") return false;
      if (state !== "all" && state !== "stalled" && groupOf(row) !== state) return false;
      return (
        !needle ||
        [row.name, row.target, row.message, row.error, id].some((words) => words?.toLowerCase().includes(needle))
      );
    };
    const ids = order.filter(passes);
    if (sort === "oldest") ids.reverse();
    if (sort === "name") ids.sort((a, b) => rows.get(a).name.localeCompare(rows.get(b).name));
    return ids;
  }

  pause() {
    this.paused = this.paused ? null : { ...this.store.frozen(), since: this.store.now(), changes: this.store.changes };
    this.changed();
  }

  showNew() {
    this.list.node.scrollTop = 0;
    this.relist = true;
    this.changed();
  }

  key(event) {
    if (this.card || this.compactHead || event.altKey || event.ctrlKey || event.metaKey) return;
    const typing = event.target.matches?.("input, select");
    if (event.key === "Escape" && typing) this.leaveField(event.target);
    else if (event.key === "/" && !typing) this.filters.input.focus();
    else if (event.key === "p" && !typing) this.pause();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  leaveField(field) {
    if (field === this.filters.input && this.filters.text) return this.filters.set({ text: "" });
    return this.list.node.focus({ preventScroll: true });
  }
}
