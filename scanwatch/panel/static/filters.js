// What narrows the list: counts by state that are filters, a text, mine alone, and the order.

import { make, makeButton, setAttribute, setIcon, setText, show } from "./elements.js";
import { ROLES } from "./facts.js";
import { icon } from "./icons.js";
import { EVERYTHING } from "./listing.js";
import { OWN_KEYS } from "./trigger.js";
import { countText } from "./words.js";

const STATES = [
  ["all", "All"],
  ["in_progress", "In progress"],
  ["queued", "Queued"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
  ["stalled", "Stalled"],
];
const ORDERS = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["name", "By name"],
];

export class Filters {
  constructor(onChange) {
    this.wanted = EVERYTHING;
    this.onChange = onChange;
    this.chips = new Map(STATES.map(([state, word]) => [state, this.makeStateChip(state, word)]));
    this.mine = makeChip("Mine", () => this.set({ mine: !this.wanted.mine }));
    this.input = make("input", "", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter by text",
      spellcheck: "false",
    });
    this.input.addEventListener("input", () => this.set({ text: this.input.value }));
    const orders = ORDERS.map(([value, word]) => make("option", "", { value }, word));
    this.select = make("select", "sw-order", { "aria-label": "Order" }, ...orders);
    this.select.addEventListener("change", () => this.set({ order: this.select.value }));
    const key = make("kbd", "", { "aria-hidden": "true" }, "/");
    const find = make("label", "sw-field sw-find", OWN_KEYS, icon("find"), this.input, key);
    this.node = make("div", "sw-filters", {}, this.group(), make("div", "sw-refine", {}, find, this.select));
  }

  group() {
    const chips = [...this.chips.values()].map(({ node }) => node);
    const rule = () => make("span", "sw-rule");
    this.mineRule = rule();
    const label = { role: "group", "aria-label": "Show by state" };
    return make("div", "sw-chips", label, ...chips.slice(0, -1), rule(), chips.at(-1), this.mineRule, this.mine.node);
  }

  makeStateChip(state, word) {
    const picture = make("span", `sw-state-icon sw-as-${ROLES[state] ?? "idle"}`);
    if (state !== "all") setIcon(picture, state, 36);
    const pictures = state === "all" ? [] : [picture];
    return makeChip(word, () => this.set({ state: this.wanted.state === state ? "all" : state }), ...pictures);
  }

  set(change) {
    this.adopt({ ...this.wanted, ...change });
    this.onChange(this.wanted);
  }

  /** Take over what was set elsewhere, without telling anybody. */
  adopt(wanted) {
    this.wanted = { ...EVERYTHING, ...wanted };
    for (const [state, { node }] of this.chips) setAttribute(node, "aria-pressed", state === this.wanted.state);
    setAttribute(this.mine.node, "aria-pressed", this.wanted.mine);
    if (this.input.value !== this.wanted.text) this.input.value = this.wanted.text;
    this.select.value = this.wanted.order;
  }

  clear() {
    this.set({ state: "all", text: "", mine: false });
  }

  /** `mine` is how many scans are the caller's; null where callers have no names. */
  update(counts, mine) {
    for (const [state, { count }] of this.chips) setText(count, countText(counts[state]));
    setText(this.mine.count, countText(mine ?? 0));
    show(this.mine.node, mine !== null);
    show(this.mineRule, mine !== null);
  }
}

function makeChip(word, onClick, ...pictures) {
  const count = make("span", "sw-count");
  const pressed = { type: "button", "aria-pressed": "false" };
  const node = make("button", "sw-chip", pressed, ...pictures, word, count);
  node.addEventListener("click", onClick);
  return { node, count };
}

function short(text, most = 80) {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** What stands in place of the rows when the filter lets none through. */
export class NoMatch {
  constructor(onClear) {
    this.words = make("span");
    const clear = makeButton("sw-button sw-small", "Clear filter", {}, onClear, "Clear filter");
    this.node = make("div", "sw-no-match", {}, this.words, clear);
  }

  update({ text, mine }, hidden) {
    const wanted = text ? `No scan matches "${short(text)}".` : mine ? "No scan of yours." : "No scan is in this state.";
    setText(this.words, `${wanted} ${countText(hidden)} ${hidden === 1 ? "is" : "are"} hidden.`);
  }
}
