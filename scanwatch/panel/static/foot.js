// The lower part of a panel: the overall state, the rows in sight, pause; and the sentence for screen readers.

import { make, makeButton, setAttribute, setText, show } from "./elements.js";
import { isTerminal } from "./facts.js";
import { icon } from "./icons.js";
import { countText, durationText, remainingText, whenText } from "./words.js";

const SPEAK_EVERY_MS = 5000;

export class Foot {
  constructor({ onPause, onShowNew, onCancel, onRetry, onClear }) {
    this.parts = ["completed", "failed", "cancelled", "in_progress", "queued"].map((state) =>
      make("i", `sw-all-${state}`),
    );
    this.ended = make("span", "sw-foot-main");
    this.toGo = make("span", "sw-foot-more");
    this.fresh = makeButton("sw-button sw-small", "Show new scans", {}, onShowNew);
    this.rows = make("span", "sw-foot-more");
    this.buildSelection(onCancel, onRetry, onClear);
    this.pauseWord = make("span", "sw-pause-word");
    this.pauseIcon = make("span", "sw-state-icon");
    this.pause = makeButton(
      "sw-button sw-small sw-plain",
      "Pause display",
      { "aria-pressed": "false" },
      onPause,
      this.pauseIcon,
      this.pauseWord,
    );
    this.rule = make("span", "sw-rule");
    this.node = make(
      "div",
      "sw-foot",
      {},
      make("span", "sw-foot-more", {}, "Overall"),
      make("span", "sw-all", { "aria-hidden": "true" }, ...this.parts),
      this.ended,
      this.toGo,
      make("span", "sw-grow"),
      this.chosen,
      this.fresh,
      this.rows,
      this.rule,
      this.pause,
    );
  }

  buildSelection(onCancel, onRetry, onClear) {
    const small = "sw-button sw-small";
    this.count = make("span");
    this.cancel = makeButton(small, "", {}, onCancel);
    this.retry = makeButton(small, "", {}, onRetry);
    const clear = makeButton("sw-icon-button", "Clear the selection", { title: "Clear the selection" }, onClear, icon("cancel"));
    const label = { role: "group", "aria-label": "Selected scans" };
    this.chosen = make("span", "sw-chosen", label, this.count, this.cancel, this.retry, clear);
  }

  update({ counts, leftS, now, live, at, paused, listed, inSight, fresh, selected, asking }) {
    this.updateSelection(selected, asking);
    [counts.completed, counts.failed, counts.cancelled, counts.in_progress, counts.queued].forEach((count, index) => {
      this.parts[index].style.flexGrow = count;
      show(this.parts[index], count > 0);
    });
    const ended = counts.completed + counts.failed + counts.cancelled;
    const words = `${countText(ended)} of ${countText(counts.all)} ended`;
    setText(
      this.ended,
      paused
        ? `Display paused for ${pauseText((now - paused.since) / 1000)}, scans go on`
        : live
          ? words
          : `State of ${whenText(at, Date.now())}, ${words}`,
    );
    setText(this.toGo, live && !paused ? toGo(counts.all - ended, leftS) : "");
    setText(
      this.rows,
      paused
        ? waitingText(paused.waiting)
        : inSight < listed || listed < counts.all
          ? `${countText(inSight)} of ${countText(counts.all)} rows`
          : "",
    );
    show(this.fresh, fresh > 0);
    setText(this.fresh, `${countText(fresh)} new`);
    show(this.pause, live);
    show(this.rule, live);
    this.updatePause(Boolean(paused));
  }

  updateSelection({ size, hidden, cancel, retry }, asking) {
    show(this.chosen, size > 0);
    setText(this.count, `${countText(size)} selected${hidden ? `, ${countText(hidden)} hidden` : ""}`);
    this.updateDeed(this.cancel, cancel.length, asking, `Cancel ${countText(cancel.length)}`);
    this.updateDeed(this.retry, retry.length, asking, `Scan ${countText(retry.length)} again`);
  }

  updateDeed(button, count, asking, words) {
    show(button, count > 0 && !asking);
    setText(button, words);
    setAttribute(button, "aria-label", `${words}, selected`);
  }

  updatePause(paused) {
    if (this.paused === paused) return;
    this.paused = paused;
    const words = paused ? "Resume display" : "Pause display";
    setText(this.pauseWord, words);
    setAttribute(this.pause, "aria-label", words);
    setAttribute(this.pause, "aria-pressed", paused);
    this.pause.title = words;
    this.pauseIcon.replaceChildren(icon(paused ? "resume" : "pause"));
  }
}

function waitingText(changes) {
  return changes === 1 ? "1 change waits" : `${countText(changes)} changes wait`;
}

function pauseText(seconds) {
  return seconds < 60 ? `${Math.floor(seconds)} s` : durationText(seconds);
}

/** "14 to go, about 9 min"; without an estimate as long as one scan has none. */
function toGo(count, leftS) {
  if (count === 0) return "";
  if (leftS === null) return `${countText(count)} to go`;
  const about = leftS < 60 ? remainingText(leftS) : `about ${remainingText(leftS)}`;
  return `${countText(count)} to go, ${about}`;
}

/** Speaks of ends only, at most one sentence in five seconds. */
export class Announcer {
  constructor(rows) {
    this.node = make("div", "sw-unseen", { "aria-live": "polite" });
    this.ended = new Set([...rows].filter(([, row]) => isTerminal(row)).map(([id]) => id));
    this.news = [];
    this.spokenAt = -Infinity;
  }

  update(rows, now) {
    for (const [id, row] of rows) {
      if (!isTerminal(row) || this.ended.has(id)) continue;
      this.ended.add(id);
      this.news.push(row);
    }
    if (!this.news.length || now - this.spokenAt < SPEAK_EVERY_MS) return;
    this.node.textContent = sentenceOf(this.news);
    this.news = [];
    this.spokenAt = now;
  }
}

/** "3 scans completed, 1 failed: acme/etmf-archive". */
export function sentenceOf(rows) {
  const having = (status) => rows.filter((row) => row.status === status);
  const parts = ["completed", "failed", "cancelled"]
    .map((status) => [having(status), status])
    .filter(([some]) => some.length);
  const sentence = parts
    .map(([some, status], index) => `${some.length}${index ? "" : some.length === 1 ? " scan" : " scans"} ${status}`)
    .join(", ");
  const named = having("failed").length ? having("failed") : rows;
  return `${sentence}: ${named
    .slice(0, 3)
    .map((row) => row.name)
    .join(", ")}`;
}
