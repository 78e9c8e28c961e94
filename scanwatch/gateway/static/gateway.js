// The network of the page: one Socket.IO connection that comes back by itself, and the REST requests of its buttons.
// Every URL is relative to the page's own, so that a gateway behind a prefix is served like any other.

import { targetName } from "./scans.js";
import { io } from "./vendor/socket.io.esm.min.js";

const EVENT = /^scan:([^:]{1,100}):(progress|complete|failed)$/;
const ANSWER_MS = 15_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const REFUSALS = new Set([401, 403]);

/** `on` has joined(), greeted(hello), event(id, kind, payload), state(connection) and refused(words). */
export class Link {
  constructor(base, token, on) {
    this.gateway = base.href;
    this.on = on;
    this.tries = 0;
    this.since = undefined;
    const path = new URL("socket.io", base).pathname;
    const auth = { protocol: 1, ...(token ? { token } : {}) };
    this.socket = io(`${base.origin}/ws`, { path, auth, reconnection: false, forceNew: true });
    this.socket.on("connect", () => this.joined());
    this.socket.on("disconnect", (reason) => this.lost(reason));
    this.socket.on("connect_error", (error) => this.failed(error));
    this.socket.on("gateway", (hello) => on.greeted(hello));
    this.socket.onAny((name, payload) => {
      const known = EVENT.exec(name);
      if (known) on.event(known[1], known[2], payload);
    });
    this.wake = () => this.again();
    addEventListener("online", this.wake);
  }

  close() {
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    this.socket.offAny();
    this.socket.off();
    this.socket.disconnect();
  }

  /** The acknowledgement of a `subscribe`; rejects when the connection breaks meanwhile. */
  subscribe(request) {
    return this.socket.timeout(ANSWER_MS).emitWithAck("subscribe", request);
  }

  unsubscribe(request) {
    return this.socket.timeout(ANSWER_MS).emitWithAck("unsubscribe", request);
  }

  joined() {
    this.tries = 0;
    this.since = undefined;
    this.on.state({ state: "live", gateway: this.gateway });
    this.on.joined();
  }

  /** Begin the connection anew because what was asked on it was not answered. */
  restart() {
    this.socket.disconnect();
    this.retry();
  }

  lost(reason) {
    if (reason !== "io client disconnect") this.retry();
  }

  failed(error) {
    const status = error.context?.status;
    // Without a status the gateway itself has answered, in the namespace.
    if (!this.socket.active) this.on.refused(error.message);
    else if (REFUSALS.has(status)) this.on.refused(wordsIn(error.context.responseText) ?? `HTTP ${status}`);
    else this.retry();
  }

  retry() {
    clearTimeout(this.timer);
    this.tries += 1;
    this.since ??= Date.now();
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.tries - 1));
    const pause = longest * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.again(), pause);
    this.on.state({
      state: "reconnecting",
      gateway: this.gateway,
      since: this.since,
      retry_at: Date.now() + pause,
      tries: this.tries,
    });
  }

  again() {
    clearTimeout(this.timer);
    if (!this.socket.connected) this.socket.connect();
  }
}

/** What the page asks over REST; every failure is an Error with the gateway's own words. */
export class Rest {
  constructor(base, token) {
    this.base = new URL("api/v1/", base);
    this.headers = token ? { Authorization: `Bearer ${token}` } : {};
  }

  async trigger(text, more = {}) {
    const { target, options: own } = wantedScan(text);
    const options = { ...own, ...more };
    const known = (await this.get("repositories")).find(({ gitUrl }) => gitUrl === target);
    const name = targetName(target).slice(0, 200);
    const repository = known ?? (await this.post("repositories", { name, gitUrl: target }));
    await this.post(`repositories/${encodeURIComponent(repository.id)}/scan`, { options });
  }

  cancel(id) {
    return this.post(`scans/${encodeURIComponent(id)}/cancel`);
  }

  retry(id) {
    return this.post(`scans/${encodeURIComponent(id)}/retry`);
  }

  /** The newest events of a scan that has `seq` of them, as [kind, payload]. */
  async lastEvents(id, seq, count) {
    const { data } = await this.get(`scans/${encodeURIComponent(id)}/events?after=${Math.max(0, seq - count)}`);
    return data.map(({ event, payload }) => [EVENT.exec(event)?.[2], payload]);
  }

  /** The ids of every scan that runs and of the newest others. */
  async newestIds(pages) {
    const ids = [];
    for (const status of ["status=pending,queued,in_progress,cancelling&", ""])
      for (let page = 1; page <= pages; page += 1) {
        const { data, pagination } = await this.get(`scans?${status}page=${page}&limit=100`);
        ids.push(...data.map(({ id }) => id));
        if (!pagination.hasNext) break;
      }
    return ids;
  }

  get(path) {
    return this.ask(path, {});
  }

  post(path, body) {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    return this.ask(path, { method: "POST", ...sent });
  }

  async ask(path, { headers = {}, ...request }) {
    let answer;
    try {
      answer = await fetch(new URL(path, this.base), { ...request, headers: { ...headers, ...this.headers } });
    } catch {
      throw new Error("The gateway does not answer; try again when the connection is back.");
    }
    const text = await answer.text();
    if (!answer.ok) throw new Error(wordsIn(text) ?? `The gateway answered with status ${answer.status}.`);
    return text ? JSON.parse(text) : null;
  }
}

/** The sentence of an error answer, if it is one. */
function wordsIn(text) {
  try {
    const { message } = JSON.parse(text);
    return Array.isArray(message) ? message.join("; ") : message;
  } catch {
    return undefined;
  }
}

const KEEPS_QUERY = new Set(["http", "https", "ssh", "git", "file"]);

/** A target and the options behind its "?"; in the address of a repository the query is the address's own. */
export function wantedScan(text) {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\/./.exec(text)?.[1].toLowerCase();
  const cut = text.indexOf("?");
  if (!scheme || KEEPS_QUERY.has(scheme) || cut < 0) return { target: text, options: {} };
  return { target: text.slice(0, cut), options: Object.fromEntries(new URLSearchParams(text.slice(cut + 1))) };
}
