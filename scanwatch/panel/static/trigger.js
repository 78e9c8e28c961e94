// The field that starts a scan: a target, completed from what is known, and the scan's options.

import { make, makeButton, setAttribute, show } from "./elements.js";
import { icon } from "./icons.js";
import { readOptions, suggestionsFor } from "./listing.js";
import { whenText } from "./words.js";

/** JupyterLab takes keys for its own commands before an element sees them, unless told so. */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const ANSWER_WITHIN_MS = 10_000;

export class Trigger {
  /** `known()` gives {target, name, status, at} of repositories; `onLookUp` is told when they are wanted. */
  constructor({ onTrigger, onLookUp, onWrong, known, domId }) {
    Object.assign(this, { onTrigger, onLookUp, onWrong, known, domId });
    this.input = this.makeInput();
    this.list = make("ul", "sw-known", { role: "listbox", id: domId, "aria-label": "Known repositories" });
    this.options = make("input", "", {
      type: "text",
      placeholder: "Options, such as ref=main",
      "aria-label": "Options of the scan",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.more = makeButton(
      "sw-icon-button",
      "Options",
      { "aria-expanded": "false", title: "Options" },
      () => this.showOptions(this.second.hidden),
      icon("options"),
    );
    this.second = make("div", "sw-field sw-options", {}, icon("options"), this.options);
    this.button = make("button", "sw-button sw-primary", { type: "submit" }, "Scan");
    const field = make("div", "sw-field", {}, icon("repository"), this.input, this.more, this.list);
    this.node = make("form", "sw-trigger", OWN_KEYS, field, this.button, this.second);
    this.second.hidden = this.list.hidden = true;
    this.shown = [];
    this.at = -1;
    this.listen();
  }

  makeInput() {
    return make("input", "", {
      type: "text",
      role: "combobox",
      placeholder: "Repository to scan, URL or path",
      "aria-label": "Repository to scan",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": this.domId,
      autocomplete: "off",
      spellcheck: "false",
    });
  }

  listen() {
    this.input.addEventListener("focus", () => this.onLookUp());
    this.input.addEventListener("input", () => this.suggest());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
    // Not every host leaves Enter its usual meaning in a form.
    this.options.addEventListener("keydown", (event) => this.enter(event));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const picked = [...this.list.children].indexOf(event.target.closest("li"));
      if (picked >= 0) this.pick(picked);
    });
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
  }

  submit() {
    const target = this.input.value.trim();
    if (!target) return;
    const { options, error } = readOptions(this.second.hidden ? "" : this.options.value);
    if (error) return this.onWrong(error);
    this.onTrigger(target, options);
    this.sent = { target, at: Date.now() };
    this.input.value = "";
    this.close();
  }

  /** Something did not work: if that was the target just sent, it is here again to be put right. */
  giveBack() {
    const { target, at } = this.sent ?? {};
    if (target && !this.input.value && Date.now() - at < ANSWER_WITHIN_MS) this.input.value = target;
    this.sent = null;
  }

  showOptions(shown) {
    show(this.second, shown);
    setAttribute(this.more, "aria-expanded", shown);
    (shown ? this.options : this.input).focus();
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      if (this.list.hidden) this.suggest();
      this.mark(this.at + steps[event.key]);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else this.enter(event);
  }

  enter(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (!this.list.hidden && this.at >= 0) this.pick(this.at);
    else this.node.requestSubmit();
  }

  /** Show what the text may become. */
  suggest() {
    this.shown = suggestionsFor(this.input.value, this.known());
    this.list.replaceChildren(...this.shown.map((one, index) => this.makeChoice(one, index)));
    show(this.list, this.shown.length > 0);
    setAttribute(this.input, "aria-expanded", this.shown.length > 0);
    this.mark(-1);
  }

  makeChoice({ name, target, status, at }, index) {
    const when = status ? `${status.replace("_", " ")}${at ? ` ${whenText(at, Date.now())}` : ""}` : "never scanned";
    return make(
      "li",
      "",
      { role: "option", id: `${this.domId}-${index}`, "aria-selected": "false", title: target },
      make("bdi", "sw-cut", {}, name),
      make("span", "sw-grow"),
      make("span", "sw-quiet", {}, when),
    );
  }

  mark(index) {
    const count = this.shown.length;
    this.at = count === 0 || index < -1 ? count - 1 : index >= count ? -1 : index;
    [...this.list.children].forEach((choice, at) => setAttribute(choice, "aria-selected", at === this.at));
    setAttribute(this.input, "aria-activedescendant", this.at < 0 ? null : `${this.domId}-${this.at}`);
  }

  pick(index) {
    this.input.value = this.shown[index].target;
    this.close();
  }

  close() {
    this.shown = [];
    show(this.list, false);
    setAttribute(this.input, "aria-expanded", false);
    this.mark(-1);
  }

  update(enabled) {
    this.input.disabled = this.options.disabled = this.button.disabled = this.more.disabled = !enabled;
  }
}
