// One row of the list, in full and in compact form. A row is made once and bound to whichever scan is in sight.

import {
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
import { icon } from "./icons.js";

const TEXT_EVERY_MS = 950; // a little less than a second, so that no tick of the view's is missed

class BaseRow {
  constructor(handlers) {
    this.handlers = handlers;
    this.id = null;
    this.askedFor = null;
    this.question = this.askCell = null;
    this.textAt = 0;
  }

  bind(id, domId) {
    this.id = id;
    this.node.id = domId;
    this.stateShown = null;
    this.fresh = true;
  }

  place({ y, index, current, open, selected }) {
    // The bar of a row that was just bound to another scan must not glide from the one's share to the other's.
    this.node.classList.toggle("sw-fresh", this.fresh);
    this.fresh = false;
    const transform = `translateY(${y}px)`;
    if (this.node.style.transform !== transform) this.node.style.transform = transform;
    setAttribute(this.node, "aria-rowindex", index + 2);
    this.node.classList.toggle("sw-current", current);
    this.node.classList.toggle("sw-opened", open);
    this.node.classList.toggle("sw-selected", selected);
    setAttribute(this.node, "aria-selected", selected);
  }

  /** Words change at most once a second, or at once with the state; the bar with every paint. */
  wantsText(facts, row) {
    const state = `${facts.state} ${row.phase} ${facts.role} ${facts.can} ${facts.live}`;
    const now = performance.now(); // not the time that is shown, which stands still while the connection is away
    if (state === this.stateShown && now - this.textAt < TEXT_EVERY_MS) return false;
    this.stateShown = state;
    this.textAt = now;
    return true;
  }

  actionCell() {
    this.action = makeButton("sw-icon-button", "", { tabindex: "-1" }, () => this.act());
    return this.action;
  }

  act() {
    if (this.can === "cancel") this.handlers.ask(this.id);
    if (this.can === "retry") this.handlers.retry(this.id);
  }

  updateAction(facts, row) {
    if (this.can !== facts.can) {
      this.can = facts.can;
      show(this.action, Boolean(facts.can));
      this.action.replaceChildren(...(facts.can ? [icon(facts.can)] : []));
    }
    if (!facts.can) return;
    setAttribute(this.action, "aria-label", `${facts.can === "cancel" ? "Cancel scan of" : "Scan again:"} ${row.name}`);
    this.action.title = facts.can === "cancel" ? "Cancel" : "Scan again";
  }

  /** Ask in the row itself; `asked` is what a question says, null for none. */
  setAsking(asked) {
    const title = asked?.title ?? null;
    if (title === this.askedFor) return;
    this.askedFor = title;
    this.node.classList.toggle("sw-asking", asked !== null);
    this.askCell?.remove();
    this.question = this.askCell = null;
    if (!asked) return;
    const { agree, keep } = this.handlers;
    this.question = makeQuestion({ ...asked, onYes: agree, onNo: keep });
    this.askCell = make("div", "sw-ask-cell", { role: "gridcell" }, this.question);
    this.node.append(this.askCell);
  }
}

export class FullRow extends BaseRow {
  constructor(handlers) {
    super(handlers);
    const twoLines = (className, role = "gridcell") => {
      const cell = make("div", `sw-cell ${className}`, { role }, make("div", "sw-line1"), make("div", "sw-line2"));
      return cell;
    };
    this.chevron = makeButton(
      "sw-icon-button sw-chevron",
      "",
      { "aria-expanded": "false", tabindex: "-1" },
      () => handlers.toggle(this.id),
      icon("open"),
    );
    this.status = twoLines("sw-status");
    this.statusIcon = make("span", "sw-state-icon");
    this.statusWord = make("span");
    this.status.firstChild.append(this.statusIcon, this.statusWord);
    this.name = twoLines("sw-name", "rowheader");
    this.name.firstChild.addEventListener("click", () => handlers.nameClicked(this.id));
    this.progress = twoLines("sw-progress");
    this.bar = makeBar();
    this.percent = make("span", "sw-percent");
    this.progress.firstChild.append(this.bar, this.percent);
    this.phase = make("span");
    this.files = make("span");
    this.progress.lastChild.append(this.phase, this.files);
    this.artifacts = twoLines("sw-artifacts sw-right");
    this.time = twoLines("sw-time sw-right");
    this.last = twoLines("sw-last sw-right");
    this.summary = make("div", "sw-summary sw-line2", { "aria-hidden": "true" });
    this.node = make(
      "div",
      "sw-row",
      { role: "row" },
      make("div", "sw-cell sw-open", { role: "gridcell" }, this.chevron),
      this.status,
      this.name,
      this.progress,
      this.artifacts,
      this.time,
      this.last,
      make("div", "sw-cell sw-action", { role: "gridcell" }, this.actionCell()),
      this.summary,
    );
  }

  update(row, facts, { open, asking, estimate }) {
    updateBar(this.bar, facts, row);
    this.setAsking(asking);
    setAttribute(this.chevron, "aria-expanded", open);
    if (!this.wantsText(facts, row)) return;
    this.node.classList.toggle("sw-ended", facts.ended);
    this.node.classList.toggle("sw-wide", facts.isBad);
    setClass(this.statusIcon, `sw-state-icon sw-as-${facts.role}`);
    setIcon(this.statusIcon, facts.state, row.percent ?? 0);
    setText(this.statusWord, facts.word);
    setText(this.status.lastChild, facts.note);
    setMiddleCut(this.name.firstChild, row.name);
    setAttribute(this.name, "aria-label", row.name);
    this.updateLine(facts);
    setText(this.percent, facts.percent);
    setText(this.phase, facts.isBad ? "" : facts.place);
    setText(this.files, facts.isBad ? "" : facts.files);
    this.updateNumbers(row, facts, estimate);
    setAttribute(this.chevron, "aria-label", `Details of ${row.name}`);
    this.updateAction(facts, row);
  }

  updateLine(facts) {
    const line = this.name.lastChild;
    setClass(line, `sw-line2${facts.isPath ? " sw-path" : " sw-cut"}${facts.isBad ? " sw-text-bad" : ""}`);
    if (this.lineIsPath !== facts.isPath) line.swText = null;
    this.lineIsPath = facts.isPath;
    if (facts.isPath) return setMiddleCut(line, facts.line);
    setText(line, facts.line);
    line.title = facts.line;
  }

  updateNumbers(row, facts, estimate) {
    setText(this.artifacts.firstChild, facts.artifacts);
    setText(this.artifacts.lastChild, facts.findings);
    setText(this.time.firstChild, facts.elapsed);
    setText(this.time.lastChild, facts.timeNote || estimate);
    setText(this.last.firstChild, facts.last);
    setClass(this.last.firstChild, `sw-line1 sw-age${facts.lastTone ? ` sw-text-${facts.lastTone}` : ""}`);
    this.time.lastChild.dataset.age = facts.lastTone === "warn" ? facts.last : "";
    setText(this.summary, summaryOf(row, facts));
    this.summary.classList.toggle("sw-text-bad", facts.isBad);
  }
}

/** The third line of the narrow layout. */
function summaryOf(row, facts) {
  if (facts.isBad) return facts.line;
  if (facts.state === "completed") return [plainArtifacts(row, facts), facts.files].filter(Boolean).join(" · ");
  if (!facts.place) return facts.state === "queued" && facts.note ? facts.note : facts.line;
  const attempt = facts.state === "retrying" ? facts.note : "";
  return [attempt, facts.place, facts.files].filter(Boolean).join(" · ");
}

function plainArtifacts(row, facts) {
  return row.artifacts === undefined ? "" : [`${facts.artifacts} artifacts`, facts.findings].filter(Boolean).join(", ");
}

export class CompactRow extends BaseRow {
  constructor(handlers) {
    super(handlers);
    this.statusIcon = make("span", "sw-state-icon", { role: "gridcell" });
    this.name = make("div", "sw-cell sw-mid", { role: "rowheader" });
    this.bar = makeBar();
    this.percent = make("span", "sw-right", { role: "gridcell" });
    this.words = make("span", "sw-cut sw-quiet sw-wide-only", { role: "gridcell" });
    this.elapsed = make("span", "sw-right", { role: "gridcell" });
    this.more = make("span", "sw-right sw-quiet sw-wide-only", { role: "gridcell" });
    this.node = make(
      "div",
      "sw-row",
      { role: "row" },
      this.statusIcon,
      this.name,
      make("div", "sw-cell", { role: "gridcell" }, this.bar),
      this.percent,
      this.words,
      this.elapsed,
      this.more,
    );
  }

  update(row, facts, { asking, estimate }) {
    updateBar(this.bar, facts, row);
    this.setAsking(asking);
    if (!this.wantsText(facts, row)) return;
    setClass(this.statusIcon, `sw-state-icon sw-as-${facts.role}`);
    setIcon(this.statusIcon, facts.state, row.percent ?? 0);
    setAttribute(this.statusIcon, "aria-label", facts.word);
    setMiddleCut(this.name, row.name);
    setAttribute(this.name, "aria-label", row.name);
    setText(this.percent, facts.percent);
    setText(this.words, compactWords(row, facts));
    this.words.title = facts.line;
    this.words.classList.toggle("sw-text-bad", facts.isBad);
    setText(this.elapsed, facts.elapsed);
    setText(this.more, compactMore(facts, estimate));
    this.more.classList.toggle("sw-text-warn", facts.lastTone === "warn");
  }
}

function compactWords(row, facts) {
  const files = facts.percent === "–" && facts.state === "retrying" ? "" : facts.files.replace(" of ", "/");
  const place = [facts.place.toLowerCase(), files].filter(Boolean).join(" ");
  if (facts.state === "completed") return row.artifacts === undefined ? facts.files : `${facts.artifacts} artifacts`;
  if (facts.state === "failed" && place) return `failed in ${place}`;
  if (facts.state === "cancelled" && facts.place) return `cancelled in ${facts.place.toLowerCase()}`;
  if (facts.state === "queued") return facts.note || "queued";
  if (facts.state === "cancelling" || facts.state === "unknown" || facts.ended)
    return facts.word.toLowerCase();
  const words = facts.state === "stalled" ? `stalled, ${place}` : place || facts.line;
  return facts.state === "retrying" ? `${words}, ${facts.note.replace("attempt", "try")}` : words;
}

function compactMore(facts, estimate) {
  if (facts.lastTone === "warn") return facts.last;
  return facts.state === "completed" ? facts.findings : facts.ended ? facts.note : estimate;
}
