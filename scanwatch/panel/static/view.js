// A panel in the document: puts the parts together and paints at most once a frame.
// It knows a store and a host, not where they come from: a widget (panel.js) and a page use it alike.
//
//   host.actions   trigger(target, options), cancel(id), retry(id), open(id), close(id), reconnect(), lookUp()
//   host.alive()   whether anybody can send news and take clicks;   host.busy()  whether one waits
//   host.share(name, value), host.shared(name)   "selected" and "filters", which all views of a panel have in common
//   host.repositories()   {target, name, status, at} of those known;   host.caller()  the name others know us by
//   host.workers()   how many scans run at once; null where that is not known, or not all of them are seen
//   host.problem()   {words, details} of what went wrong elsewhere; null

import { Card } from "./card.js";
import { make, show } from "./elements.js";
import { factsOf, timeOf } from "./facts.js";
import { Announcer } from "./foot.js";
import { ConnectionSign } from "./head.js";
import { Note, Problem, noteFor } from "./notes.js";
import { Table } from "./table.js";
import { SteadyWords } from "./words.js";

const TICK_MS = 1000;
const BUSY_AFTER_MS = 1500;
const AWAY_AFTER_MS = 5000;
const OPTIONS = {
  compact: false,
  single: false,
  read_only: false,
  title: "Scans",
  max_height: 480,
  stalled_after_s: 30,
  everything: false,
};

let views = 0;

export class PanelView {
  constructor(root, store, host, options = {}) {
    this.root = root;
    this.store = store;
    this.host = host;
    this.options = { ...OPTIONS, ...options };
    this.estimates = new SteadyWords();
    this.cancelledHere = new Set();
    this.clickedAt = null;
    this.said = null;
    this.frame = 0;
    this.changed = () => {
      this.frame ||= requestAnimationFrame(() => this.paintNow());
    };
    this.changed.now = () => this.paintNow();
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
    this.paintNow();
  }

  destroy() {
    this.unsubscribe();
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.resizes.disconnect();
    this.panel.remove();
  }

  /** What the user asks for. Nothing is asked of nobody, and what breaks is said under the panel. */
  guardedActions() {
    const { actions } = this.host;
    const send = (name, note) => (...values) => {
      if (!this.host.alive()) return;
      this.said = null;
      if (note) note(...values);
      this.safely(() => actions[name](...values));
      this.changed();
    };
    const click = (name, note) =>
      send(name, (...values) => {
        this.clickedAt = Date.now();
        this.store.forgetTrouble();
        note?.(...values);
      });
    return {
      trigger: click("trigger"),
      cancel: click("cancel", (id) => this.cancelledHere.add(id)),
      retry: click("retry"),
      reconnect: click("reconnect"),
      lookUp: send("lookUp"),
      open: (id) => this.safely(() => actions.open(id)),
      close: (id) => this.safely(() => actions.close(id)),
    };
  }

  build() {
    const { compact, single, title } = this.options;
    this.connection = new ConnectionSign(() => this.actions.reconnect());
    this.note = new Note(() => this.actions.reconnect());
    this.problem = new Problem(this.changed);
    this.announcer = new Announcer(this.store.rows);
    const label = freeLabel(title);
    this.panel = make("section", `sw${compact ? " sw-compact" : ""}`, { role: "region", "aria-label": label });
    this.panel.addEventListener("keydown", (event) => this.safely(() => this.key(event)));
    if (single) this.card = new Card(this.connection, this.cardHandlers(), `sw-card-${(views += 1)}`);
    else this.table = new Table(this);
    const nodes = this.card ? [this.note.node, this.card.node] : this.table.nodes;
    this.panel.append(...nodes, this.problem.node, this.announcer.node);
    this.root.append(this.panel);
  }

  cardHandlers() {
    return { ...this.actions, changed: this.changed };
  }

  /** The list may take this many pixels. */
  setMaxHeight(pixels) {
    this.table.list.maxHeight = pixels;
    this.changed();
  }

  /** Another view of this panel, or Python, has changed what all have in common. */
  adopt() {
    this.table?.adopt();
    this.changed();
  }

  /** Say under the rows what did not work. */
  say(problem) {
    this.said = problem;
    this.changed();
  }

  safely(work) {
    try {
      return work();
    } catch (error) {
      this.say(problemOf(error));
      return undefined;
    }
  }

  paintNow() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const hadFocus = this.hasFocus();
    try {
      this.paint();
    } catch (error) {
      // Not say(): what cannot be painted would be tried again with every frame.
      this.said = problemOf(error);
    }
    this.problem.update(this.said ?? this.host.problem() ?? troubleOf(this.store));
    if (hadFocus && (!this.hasFocus() || document.activeElement.closest("[hidden]"))) this.takeFocus();
  }

  hasFocus() {
    return this.panel.contains(document.activeElement);
  }

  /** What had the focus is no more: without a new place the keyboard would be back at the top of the document. */
  takeFocus() {
    const places = this.card ? [this.card.toggle] : [this.table.list.node, this.table.filters.input];
    places.find((place) => !place.closest("[hidden]"))?.focus({ preventScroll: true });
  }

  paint() {
    const live = this.situation();
    const { connection } = this.store;
    this.panel.classList.toggle("sw-past", !live.live);
    this.connection.update(connection, this.store.now(), live.alive);
    this.note.update(noteFor({ ...live, connection, waitsForKernel: this.waitsForKernel() }));
    if (this.card) this.paintCard(live);
    else this.table.paint(live);
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
    const facts = factsOf(row, { ...live, byYou: this.cancelledHere.has(id) });
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

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.table?.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Regions of one page must be told apart: the second panel of a title is "Scans 2". */
function freeLabel(title) {
  const taken = new Set([...document.querySelectorAll(".sw")].map((panel) => panel.getAttribute("aria-label")));
  let label = title;
  for (let number = 2; taken.has(label); number += 1) label = `${title} ${number}`;
  return label;
}

function problemOf(error) {
  const words = `The panel could not show everything (${error.message}). The scans go on; the rows stay as they were.`;
  return { words, details: `${error.stack ?? error}\n${navigator.userAgent}` };
}

/** What the gateway, or the kernel, could not do. */
function troubleOf({ trouble }) {
  return trouble ? { words: `That did not work. ${trouble}`, details: trouble } : null;
}
