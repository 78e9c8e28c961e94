// One scan as a card: what a bare scan at the end of a cell shows.

import { copyButton, Details } from "./details.js";
import {
  cancelOne,
  make,
  makeBar,
  makeButton,
  makeQuestion,
  setAttribute,
  setClass,
  setIcon,
  setMiddleCut,
  setText,
  show,
  updateBar,
} from "./elements.js";
import { PHASES } from "./progress.js";
import { icon } from "./icons.js";
import { capital, durationText, whenText } from "./words.js";

export class Card {
  constructor(connectionSign, handlers, domId) {
    this.handlers = handlers;
    this.domId = domId;
    this.connection = connectionSign;
    this.statusIcon = make("span", "sw-state-icon");
    this.word = make("span");
    this.name = make("b", "sw-card-name sw-mid");
    this.note = make("span", "sw-quiet");
    this.end = make("span", "sw-quiet sw-line-small");
    this.button = makeButton("sw-button sw-small", "", {}, () => this.act());
    this.steps = PHASES.map((phase) => ({ name: make("b", "", {}, capital(phase)), more: make("span") }));
    this.bar = makeBar();
    this.percent = make("span");
    this.line = make("div", "sw-card-line");
    this.facts = make("dl", "sw-card-facts");
    this.toggle = makeButton(
      "sw-button sw-small sw-plain sw-card-toggle",
      "Details",
      { "aria-expanded": "false" },
      () => this.toggleDetails(),
      icon("open"),
      "Details",
    );
    this.calls = make("div", "sw-calls");
    this.node = make("div", "sw-card", {}, this.head(), this.progress(), this.line, this.facts, this.calls);
    this.opened = null;
  }

  head() {
    this.side = make("div", "sw-card-side", {}, this.connection.node, this.end, this.button);
    return make(
      "div",
      "sw-card-head",
      {},
      this.statusIcon,
      this.word,
      this.name,
      this.note,
      make("span", "sw-grow"),
      this.side,
    );
  }

  progress() {
    const steps = make(
      "div",
      "sw-card-steps",
      { "aria-hidden": "true" },
      ...this.steps.map(({ name, more }) => make("div", "", {}, name, " ", more)),
    );
    this.number = make(
      "span",
      "sw-card-percent",
      { "aria-hidden": "true" },
      this.percent,
      make("small", "", {}, "\u2009%"),
    );
    return make("div", "sw-card-progress", {}, make("div", "", {}, steps, this.bar), this.number);
  }

  act() {
    if (this.can === "cancel") this.ask(true);
    if (this.can === "retry") this.handlers.retry(this.id);
  }

  ask(asking) {
    if (asking === Boolean(this.question)) return;
    show(this.button, !asking);
    if (!asking) {
      this.question.remove();
      this.question = null;
      return this.button.focus();
    }
    this.question = makeQuestion({
      ...cancelOne(this.row.name),
      onYes: () => {
        this.handlers.cancel(this.id);
        this.ask(false);
      },
      onNo: () => this.ask(false),
    });
    this.side.append(this.question);
    this.question.focusNo();
  }

  toggleDetails() {
    const open = !this.opened;
    setAttribute(this.toggle, "aria-expanded", open);
    if (open) {
      this.opened = new Details(this.id, this.domId);
      this.node.after(this.opened.node);
      this.handlers.open(this.id);
    } else {
      this.opened.node.remove();
      this.opened = null;
      this.handlers.close(this.id);
    }
    this.handlers.changed();
  }

  update(id, row, facts, { now, estimate, lines }) {
    this.id = id;
    this.row = row;
    updateBar(this.bar, facts, row);
    this.opened?.update(row, lines, now);
    const key = JSON.stringify([row.seq, facts, estimate, Math.floor(now / 1000)]);
    if (key === this.shown) return;
    this.shown = key;
    setClass(this.statusIcon, `sw-state-icon sw-as-${facts.role}`);
    setIcon(this.statusIcon, facts.state, row.percent ?? 0);
    setText(this.word, facts.word);
    setMiddleCut(this.name, row.name);
    setText(this.note, facts.note || (row.commit ? `commit ${row.commit.slice(0, 7)}` : ""));
    setText(this.end, facts.ended && row.finished !== undefined ? `ended ${whenText(row.finished, now)}` : "");
    show(this.connection.node, !facts.ended);
    this.updateButton(facts, row);
    this.updateSteps(row, facts, now);
    show(this.number, row.percent !== undefined && facts.percent !== "");
    setText(this.percent, row.percent === undefined ? "" : String(row.percent));
    setClass(this.line, `sw-card-line sw-cut${facts.isBad ? " sw-text-bad" : ""}`);
    setText(this.line, facts.state === "completed" ? "" : facts.line);
    show(this.line, facts.state !== "completed");
    this.updateFacts(row, facts, estimate);
    this.updateCalls(facts);
  }

  updateButton(facts, row) {
    this.can = facts.can;
    if (facts.can !== "cancel") this.ask(false);
    show(this.button, Boolean(facts.can) && !this.question);
    setText(this.button, facts.can === "retry" ? "Scan again" : "Cancel");
    setAttribute(this.button, "aria-label", `${facts.can === "retry" ? "Scan again:" : "Cancel scan of"} ${row.name}`);
  }

  updateSteps(row, facts, now) {
    this.steps.forEach(({ name, more }, index) => {
      const here = row.phase === PHASES[index] && !facts.ended;
      const spans = (row.spans ?? []).filter(([attempt, phase]) => attempt === row.attempt && phase === PHASES[index]);
      const tookMs = spans.reduce((sum, [, , start, end]) => sum + ((end ?? now) - start), 0);
      setText(
        more,
        here && facts.files
          ? `${facts.files}${row.total === undefined ? "" : " files"}`
          : spans.length
            ? durationText(tookMs / 1000)
            : "",
      );
      setClass(name.parentNode, here ? "sw-now" : spans.length ? "sw-done" : "");
    });
  }

  updateFacts(row, facts, estimate) {
    const failure = row.failures?.at(-1);
    const list = facts.ended
      ? [
          ["Duration", facts.elapsed],
          ["Files", facts.files.replace(/ files?$/, "")],
          ["Artifacts", facts.artifacts],
          ["Findings", facts.findings.replace(/ findings?$/, "").replace("no", "0")],
          ["Attempts", String(row.attempt)],
        ]
      : [
          ["Elapsed", facts.elapsed],
          ["Remaining", estimate.replace(/^(\d.*) left$/, "about $1") || (facts.working ? "no estimate" : "")],
          ["Artifacts", facts.artifacts],
          ["Last event", facts.last],
          failure
            ? [`Attempt ${failure[0]}`, `Failed${failure[1] ? ` in ${failure[1]}` : ""}: ${failure[2]}`]
            : ["", ""],
        ];
    this.showFacts(list.filter(([, value]) => value));
  }

  /** Values change in place: words that were marked to be copied stay marked. */
  showFacts(shown) {
    const terms = shown.map(([term]) => term).join();
    if (terms !== this.termsShown) {
      this.termsShown = terms;
      this.facts.replaceChildren(
        ...shown.map(([term]) => make("div", "", {}, make("dt", "", {}, term), make("dd", "sw-cut"))),
      );
    }
    shown.forEach(([, value], index) => {
      const node = this.facts.children[index].lastChild;
      setText(node, value);
      node.title = value;
    });
  }

  updateCalls(facts) {
    const calls = facts.ended
      ? ["scan.artifacts()", "scan.findings()", "scan.events()"]
      : ["scan.wait()", "scan.artifacts()", "scan.findings()"];
    if (this.callsShown === calls.join()) return;
    this.callsShown = calls.join();
    this.calls.replaceChildren(
      "Next calls",
      ...calls.map((call) => copyButton(call, call)),
      make("span", "sw-grow"),
      this.toggle,
    );
  }
}
