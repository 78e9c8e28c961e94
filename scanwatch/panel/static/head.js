// The connection's sign, and the one-line head of the compact form.

import { make, makeButton, setClass, setIcon, setText, show } from "./elements.js";
import { capital, countText } from "./words.js";

const CONNECTION_WORDS = {
  live: "Live",
  polling: "Polling",
  reconnecting: "Reconnecting",
  refused: "Refused",
  closed: "Closed",
};
const CONNECTION_ROLES = { live: "ok", polling: "ok", reconnecting: "warn", refused: "bad", closed: "idle" };

/** Two dots and a link: how the panel stands with its gateway, apart from any scan's state. */
export class ConnectionSign {
  constructor(onNow) {
    this.sign = make("span", "sw-link-holder");
    this.word = make("b");
    this.reason = make("span", "sw-quiet sw-cut");
    this.gateway = make("bdi", "sw-quiet sw-cut sw-gateway");
    this.now = makeButton("sw-button sw-small", "Connect now", {}, onNow, "Now");
    // The word alone is the status: seconds that count down would be read out one by one.
    const status = make("span", "", { role: "status" }, make("span", "sw-unseen", {}, "Connection:"), this.word);
    this.node = make("div", "sw-connection", {}, this.sign, status, this.reason, this.gateway, this.now);
  }

  update(connection, now, canAct) {
    const state = connection.state ?? "closed";
    setClass(this.sign, `sw-link-holder sw-as-${CONNECTION_ROLES[state] ?? "idle"}`);
    setIcon(this.sign, state);
    setText(this.word, CONNECTION_WORDS[state] ?? capital(state));
    const reason = state === "refused" ? "" : reasonOf(connection, now);
    setText(this.reason, reason);
    this.reason.title = reason;
    setText(this.gateway, hostOf(connection.gateway ?? ""));
    show(this.now, canAct && state === "reconnecting");
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
      const words = parts.filter(([count]) => count);
      this.words.replaceChildren(
        ...words.map(([count, word]) => make("span", "", {}, make("b", "", {}, countText(count)), ` ${word}`)),
      );
    }
    setText(this.rows, shown < counts.all ? `${countText(shown)} of ${countText(counts.all)}` : "");
  }
}
