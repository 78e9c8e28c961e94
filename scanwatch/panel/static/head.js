// The upper part of a panel: start a scan, the connection, the filters, and notes that something is wrong.

import { copyButton } from "./details.js";
import { make, makeButton, setAttribute, setClass, setIcon, setText, show } from "./elements.js";
import { PHASES, ROLES } from "./facts.js";
import { icon } from "./icons.js";
import { capital, clockText, countText } from "./words.js";

/** JupyterLab takes keys for its own commands before an element sees them, unless told so. */
const SUPPRESS = { "data-lm-suppress-shortcuts": "true" };
const CONNECTION_WORDS = {
  live: "Live",
  polling: "Polling",
  reconnecting: "Reconnecting",
  refused: "Refused",
  closed: "Closed",
};
const CONNECTION_ROLES = { live: "ok", polling: "ok", reconnecting: "warn", refused: "bad", closed: "idle" };
const FILTERS = [
  ["all", "All"],
  ["in_progress", "In progress"],
  ["queued", "Queued"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
  ["stalled", "Stalled"],
];
const EXAMPLE =
  'scan = client.scan("sim://acme/payments?files=150&duration_s=8")\n' +
  "scan                    # shows this one, live\n" +
  "scan.artifacts()        # a DataFrame, when it has ended";
const PHASE_WORDS = {
  discovery: "lists the files",
  fetch: "reads what changed",
  parse: "finds the artifacts",
  validate: "checks links and evidence",
  persist: "stores the result",
};

/** Two dots and a link: how the panel stands with its gateway, apart from any scan's state. */
export class ConnectionSign {
  constructor() {
    this.sign = make("span", "sw-link-holder");
    this.word = make("b");
    this.reason = make("span", "sw-quiet sw-cut");
    this.gateway = make("bdi", "sw-quiet sw-cut sw-host");
    this.node = make(
      "div",
      "sw-connection",
      { role: "status" },
      make("span", "sw-unseen", {}, "Connection:"),
      this.sign,
      this.word,
      this.reason,
      this.gateway,
    );
  }

  update(connection, now) {
    const state = connection.state ?? "closed";
    setClass(this.sign, `sw-link-holder sw-as-${CONNECTION_ROLES[state] ?? "idle"}`);
    setIcon(this.sign, state);
    setText(this.word, CONNECTION_WORDS[state] ?? capital(state));
    const reason = state === "refused" ? "" : reasonOf(connection, now);
    setText(this.reason, reason);
    this.reason.title = reason;
    setText(this.gateway, hostOf(connection.gateway ?? ""));
  }
}

function reasonOf(connection, now) {
  const parts = [];
  if (connection.state === "reconnecting" && connection.retry_at !== undefined) {
    const seconds = Math.ceil((connection.retry_at - now) / 1000);
    parts.push(seconds > 0 ? `in ${seconds} s` : "now");
    if (connection.tries) parts.push(`try ${connection.tries}`);
  }
  if (connection.reason && connection.state !== "live") parts.push(connection.reason);
  if (connection.not_understood) parts.push(`not understood: ${connection.not_understood}`);
  return parts.join(", ");
}

function hostOf(gateway) {
  try {
    return new URL(gateway).host || gateway;
  } catch {
    return gateway;
  }
}

/** The field that starts a scan. */
export class Trigger {
  constructor(onTrigger) {
    this.input = make("input", "", {
      type: "text",
      placeholder: "Repository to scan, URL or path",
      "aria-label": "Repository to scan",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.button = make("button", "sw-button sw-primary", { type: "submit" }, "Scan");
    this.node = make(
      "form",
      "sw-trigger",
      { "aria-label": "Start a scan", ...SUPPRESS },
      make("label", "sw-field", {}, icon("repository"), this.input),
      this.button,
    );
    // Not every host leaves Enter its usual meaning in a form.
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.node.requestSubmit();
    });
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      const target = this.input.value.trim();
      if (!target) return;
      onTrigger(target);
      this.input.value = "";
    });
  }

  update(enabled) {
    this.input.disabled = this.button.disabled = !enabled;
  }
}

/** State filters with counts, the text filter and the order. */
export class Filters {
  constructor(onChange) {
    this.state = "all";
    this.text = "";
    this.order = "newest";
    this.onChange = onChange;
    this.chips = new Map(FILTERS.map(([state, word]) => [state, this.makeChip(state, word)]));
    this.input = make("input", "", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter by text",
      spellcheck: "false",
    });
    this.input.addEventListener("input", () => this.set({ text: this.input.value }));
    this.select = make(
      "select",
      "sw-order",
      { "aria-label": "Order" },
      ...[
        ["newest", "Newest first"],
        ["oldest", "Oldest first"],
        ["name", "By name"],
      ].map(([value, word]) => make("option", "", { value }, word)),
    );
    this.select.addEventListener("change", () => this.set({ order: this.select.value }));
    const chips = [...this.chips.values()].map(({ node }) => node);
    const group = make(
      "div",
      "sw-chips",
      { role: "group", "aria-label": "Show by state" },
      ...chips.slice(0, -1),
      make("span", "sw-rule"),
      chips.at(-1),
    );
    const key = make("kbd", "", { "aria-hidden": "true" }, "/");
    const find = make("label", "sw-field sw-find", SUPPRESS, icon("find"), this.input, key);
    this.node = make("div", "sw-filters", {}, group, make("div", "sw-refine", {}, find, this.select));
  }

  makeChip(state, word) {
    const count = make("span", "sw-count");
    const picture = make("span", `sw-state-icon sw-as-${ROLES[state] ?? "idle"}`);
    if (state !== "all") setIcon(picture, state, 36);
    const node = make(
      "button",
      "sw-chip",
      { type: "button", "aria-pressed": String(state === "all") },
      ...(state === "all" ? [] : [picture]),
      word,
      count,
    );
    node.addEventListener("click", () => this.set({ state: this.state === state ? "all" : state }));
    return { node, count };
  }

  set(change) {
    Object.assign(this, change);
    for (const [state, { node }] of this.chips) setAttribute(node, "aria-pressed", state === this.state);
    if (this.input.value !== this.text) this.input.value = this.text;
    this.onChange();
  }

  clear() {
    this.set({ state: "all", text: "" });
  }

  update(counts) {
    for (const [state, { count }] of this.chips) setText(count, countText(counts[state]));
  }
}

/** A band that says what is wrong and what to do; {key, sign, role, title, parts, urgent}. */
export class Note {
  constructor() {
    this.node = make("div", "sw-note");
    this.node.hidden = true;
  }

  update(note) {
    show(this.node, note !== null);
    const key = note ? JSON.stringify([note.title, note.parts]) : "";
    if (key === this.shown) return;
    this.shown = key;
    if (!note) return this.node.replaceChildren();
    setAttribute(this.node, "role", note.urgent ? "alert" : "status");
    const sign = make("span", `sw-link-holder sw-as-${note.role}`, {}, icon(note.sign));
    const words = note.parts.map((part) => (typeof part === "string" ? part : make("code", "", {}, part.code)));
    this.node.replaceChildren(sign, make("b", "", {}, note.title), make("p", "", {}, ...words));
  }
}

/** Which note the state of things asks for; null for none. */
export function noteFor({ alive, connection, at, trouble, waitsForKernel }) {
  const since = clockText(at);
  if (!alive) {
    return {
      sign: "closed",
      role: "idle",
      title: `Not live: the kernel is gone. Last state of ${since}.`,
      parts: ["Scans go on without this notebook. To watch them again, run the cell: ", { code: "client.watch()" }],
    };
  }
  if (connection.state === "refused") {
    return {
      sign: "refused",
      role: "bad",
      urgent: true,
      title: `Connection refused: ${connection.reason ?? "the gateway does not say why."}`,
      parts: [
        "Set a new token in ",
        { code: "SCANWATCH_TOKEN" },
        ", or run ",
        { code: "scanwatch.connect(token=…)" },
        ` again. Rows show the state of ${since}.`,
      ],
    };
  }
  if (waitsForKernel) {
    return {
      sign: "polling",
      role: "idle",
      title: "The kernel is busy; this runs after the cell.",
      parts: ["To cancel now, interrupt the cell and call ", { code: "scan.cancel()" }, "."],
    };
  }
  if (trouble) return { sign: "refused", role: "bad", urgent: true, title: "That did not work.", parts: [trouble] };
  return null;
}

/** What a panel without any scan says. Where there are no cells, `toType` is what to try in the field above. */
export function makeEmpty(readOnly, toType) {
  const start = toType ? "this simulated scan" : "start a simulated scan from a cell";
  const how = readOnly
    ? "Start a simulated scan from a cell."
    : `Type a repository above and press Enter, or ${start}.`;
  const example = toType ?? EXAMPLE;
  const code = make("pre", "sw-source", {}, example);
  const steps = PHASES.map((phase) =>
    make("li", "", {}, make("i"), make("b", "", {}, capital(phase)), make("span", "", {}, PHASE_WORDS[phase])),
  );
  return make(
    "div",
    "sw-empty",
    {},
    make(
      "div",
      "",
      {},
      make("h3", "", {}, "No scans yet"),
      make("p", "", {}, `${how} It needs no repository and takes 8 s.`),
      make("div", "sw-example", {}, code, copyButton("copy", example)),
      make("p", "", {}, "Scans started anywhere else on this gateway appear here too."),
    ),
    make("div", "", {}, make("h4", "sw-h4", {}, "What a scan does"), make("ol", "sw-steps-legend", {}, ...steps)),
  );
}

/** What stands in place of the rows when the filter lets none through. */
export class NoMatch {
  constructor(onClear) {
    this.words = make("span");
    this.node = make(
      "div",
      "sw-no-match",
      {},
      this.words,
      makeButton("sw-button sw-small", "Clear filter", {}, onClear, "Clear filter"),
    );
  }

  update(filters, hidden) {
    const wanted = filters.text ? `No scan matches "${filters.text}".` : "No scan is in this state.";
    setText(this.words, `${wanted} ${countText(hidden)} ${hidden === 1 ? "is" : "are"} hidden.`);
  }
}

/** The one-line head of the compact form. */
export class CompactHead {
  constructor(connectionSign) {
    this.words = make("span", "sw-compact-counts");
    this.rows = make("span");
    this.node = make("div", "sw-compact-head", {}, connectionSign.node, this.words, make("span", "sw-grow"), this.rows);
  }

  update(counts, shown) {
    const stalled = counts.stalled ? `, ${countText(counts.stalled)} stalled` : "";
    const parts = [
      [counts.in_progress, `in progress${stalled}`],
      [counts.queued, "queued"],
      [counts.failed, "failed"],
      [counts.cancelled, "cancelled"],
      [counts.completed, "completed"],
    ];
    const key = JSON.stringify(parts);
    if (key !== this.shown) {
      this.shown = key;
      this.words.replaceChildren(
        ...parts
          .filter(([count]) => count)
          .map(([count, word]) => make("span", "", {}, make("b", "", {}, countText(count)), ` ${word}`)),
      );
    }
    setText(this.rows, shown < counts.all ? `${countText(shown)} of ${countText(counts.all)}` : "");
  }
}
