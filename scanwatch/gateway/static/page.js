// The page at the gateway's root: asks for a token where one is needed, and shows the panel of the notebook.

import { Feed } from "./feed.js";
import { Link, Rest } from "./gateway.js";
import { RowStore } from "./panel/store.js";
import { PanelView } from "./panel/view.js";

const BASE = new URL(".", document.baseURI);
const PATCH_EVERY_MS = 100;
const EXAMPLE = "sim://acme/payments?files=150&duration_s=8";
const LOG_LINES = 10;
const LIST_PAGES = 2;
const AROUND_LIST_PX = 215;
const LOWEST_LIST_PX = 240;

const part = (id) => document.getElementById(id);

/** The token of this tab. Several gateways may share an origin behind a proxy, so its key names the path. */
const token = {
  key: `scanwatch token ${BASE.pathname}`,
  get: () => sessionStorage.getItem(token.key),
  set: (value) => sessionStorage.setItem(token.key, value),
  forget: () => sessionStorage.removeItem(token.key),
};

/** The token of a `#token=` fragment, taken out of the address and its history entry at once. */
function tokenInAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

function showOnly(wanted) {
  for (const id of ["waiting", "login", "panel"]) part(id).hidden = id !== wanted;
}

/** One connection with one token, and the panel on it. */
class Session {
  constructor(given, onRefused) {
    this.rest = new Rest(BASE, given);
    this.store = new RowStore();
    this.repositories = [];
    this.caller = null;
    this.workers = null;
    this.link = new Link(BASE, given, {
      joined: () => this.joined(),
      greeted: ({ version, caller, workers, time }) => {
        part("version").textContent = version;
        if (time) this.feed.dated(Date.parse(time));
        this.caller = caller ?? null;
        this.workers = workers ?? null;
      },
      event: (id, kind, payload) => this.feed.receive(id, kind, payload),
      state: (connection) => this.say("connection", connection),
      refused: onRefused,
    });
    this.feed = new Feed({
      ask: (request) => this.link.subscribe(request),
      leave: (request) => this.link.unsubscribe(request),
      changed: () => this.soon(),
    });
    this.resized = () => this.fit();
    addEventListener("resize", this.resized);
    this.link.again();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    removeEventListener("resize", this.resized);
    this.link.close();
    this.view?.destroy();
  }

  async joined() {
    try {
      const more = await this.feed.follow();
      this.show();
      if (more) this.feed.want(await this.rest.newestIds(LIST_PAGES));
    } catch {
      if (!this.closed) this.link.restart();
    }
  }

  show() {
    if (this.closed || this.view) return;
    this.flush();
    showOnly("panel");
    const actions = {
      trigger: (target, options) => this.wish(() => this.rest.trigger(target, options)),
      cancel: (id) => this.wish(() => this.rest.cancel(id)),
      retry: (id) => this.wish(() => this.rest.retry(id)),
      open: (id) => this.wish(() => this.openLog(id)),
      close: (id) => this.feed.closeLog(id),
      reconnect: () => this.link.again(),
      lookUp: () => this.wish(() => this.lookUp()),
    };
    const options = { example: EXAMPLE, max_height: this.listHeight(), everything: true };
    this.view = new PanelView(part("panel"), this.store, this.host(actions), options);
  }

  /** What the panel asks of a kernel elsewhere. There is one view, so nothing has to be shared. */
  host(actions) {
    return {
      actions,
      alive: () => true,
      busy: () => false,
      share() {},
      shared: () => undefined,
      repositories: () => this.repositories,
      caller: () => this.caller,
      workers: () => this.workers,
      problem: () => null,
    };
  }

  async lookUp() {
    const rows = await this.rest.get("repositories");
    this.repositories = rows.map(({ name, gitUrl, lastScanStatus, lastScanAt }) => ({
      name,
      target: gitUrl,
      status: lastScanStatus,
      at: lastScanAt && Date.parse(lastScanAt),
    }));
    this.view.changed();
  }

  /** The list takes the height that the window leaves. */
  fit() {
    this.view?.setMaxHeight(this.listHeight());
  }

  listHeight() {
    return Math.max(LOWEST_LIST_PX, innerHeight - AROUND_LIST_PX);
  }

  async openLog(id) {
    this.feed.openLog(id);
    this.feed.logHistory(id, await this.rest.lastEvents(id, this.feed.rows.get(id)?.seq ?? 0, LOG_LINES));
  }

  async wish(work) {
    this.say("trouble", null);
    try {
      await work();
    } catch (error) {
      this.feed.complain(error.message);
      this.soon();
    }
  }

  say(name, value) {
    this.feed[name] = value;
    this.soon();
  }

  soon() {
    this.timer ??= setTimeout(() => this.flush(), PATCH_EVERY_MS);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const patch = this.feed.patch();
    if (patch) this.store.apply(patch);
  }
}

class Page {
  constructor() {
    part("login").addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter(part("token").value.trim());
    });
    part("leave").addEventListener("click", () => this.leave(""));
    addEventListener("hashchange", () => {
      const given = tokenInAddress();
      if (given !== null) this.enter(given);
    });
    const given = tokenInAddress();
    if (given !== null) this.enter(given);
    else this.start();
  }

  enter(given) {
    token.set(given);
    part("token").value = "";
    this.start();
  }

  start() {
    this.session?.close();
    showOnly("waiting");
    part("leave").hidden = !token.get();
    this.session = new Session(token.get(), (words) => this.leave(token.get() ? words : ""));
  }

  /** Back to the form, with the words of a refusal. */
  leave(words) {
    this.session?.close();
    token.forget();
    part("leave").hidden = true;
    part("reason").textContent = words;
    showOnly("login");
    part("token").focus();
  }
}

new Page();
