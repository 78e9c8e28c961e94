// The panel as a notebook widget: the row store lives with the model, so that news before the first view, and between
// views, is kept; each view draws it.

import { RowStore } from "./store.js";
import { PanelView } from "./view.js";

const GONE = new Set(["dead", "restarting", "autorestarting", "terminating"]);
const SHARED = ["selected", "filters"];
const TOLD = ["change:repositories", "change:caller", "change:workers", "change:problem", "comm_live_update"];

export default function panel() {
  let store;
  let life;
  let shared;
  return {
    initialize({ model }) {
      store = new RowStore(model.get("snapshot"));
      life = new Life(model);
      shared = new Shared(model);
      let asked = false;
      const load = () => {
        if (store.load(model.get("snapshot"))) asked = false;
      };
      const receive = (message) => {
        if (!message || !("patch" in message) || store.apply(message) !== "gap" || asked) return;
        // The next snapshot comes by itself in the end; with thousands of rows that takes a while.
        asked = true;
        model.send({ do: "again" });
      };
      model.on("change:snapshot", load);
      model.on("msg:custom", receive);
      model.on("comm_live_update", life.check);
      return () => {
        shared.leave();
        model.off("comm_live_update", life.check);
        model.off("change:snapshot", load);
        model.off("msg:custom", receive);
      };
    },
    render({ model, el }) {
      el.classList.add("sw-host");
      const view = new PanelView(el, store, kernelHost(model, life, shared, el), model.get("options"));
      const leave = shared.subscribe(() => view.adopt());
      for (const event of TOLD) model.on(event, view.changed);
      return () => {
        leave();
        for (const event of TOLD) model.off(event, view.changed);
        view.destroy();
      };
    },
  };
}

/** The kernel as a host. No message is answered with `id`: some kernels keep every message with that key. */
function kernelHost(model, life, shared, el) {
  const waiting = new Set();
  const send = (content) => {
    waiting.add(content);
    // The kernel says of each message that it has taken it up. News of scans says nothing: it comes in any case.
    model.send(content, { iopub: { status: () => waiting.delete(content) } });
  };
  const wish = (name) => (scanId) => send({ do: name, scan_id: scanId });
  return {
    actions: {
      trigger: (target, options) => send({ do: "trigger", target, options }),
      cancel: wish("cancel"),
      retry: wish("retry"),
      open: wish("open"),
      close: wish("close"),
      reconnect: () => model.send({ do: "reconnect" }),
      lookUp: () => model.send({ do: "look_up" }),
    },
    // The front end marks the views of a model that no kernel knows, as that of a notebook saved with its widgets.
    alive: () => life.check() && !el.closest(".jupyter-widgets-disconnected"),
    busy: () => waiting.size > 0 && life.kernel?.status === "busy",
    shared: (name) => shared.values[name],
    share: (name, value) => shared.choose(name, value),
    repositories: () => model.get("repositories") ?? [],
    caller: () => model.get("caller"),
    workers: () => model.get("workers") ?? null,
    problem: () => (model.get("problem")?.words ? model.get("problem") : null),
  };
}

/**
 * What all views of a model have in common and Python knows: the selection and the filters. The kernel sets what it is
 * told, so its traits come back a little later; what comes back of our own is not taken for somebody else's choice.
 */
class Shared {
  constructor(model) {
    this.model = model;
    this.listeners = new Set();
    this.values = Object.fromEntries(SHARED.map((name) => [name, model.get(name)]));
    this.sent = Object.fromEntries(SHARED.map((name) => [name, []]));
    this.hearing = SHARED.map((name) => [`change:${name}`, () => this.receive(name)]);
    for (const [event, listener] of this.hearing) model.on(event, listener);
  }

  leave() {
    for (const [event, listener] of this.hearing) this.model.off(event, listener);
  }

  choose(name, value) {
    this.values[name] = value;
    this.sent[name].push(JSON.stringify(value));
    this.model.send({ do: "choose", name, value });
    this.tell();
  }

  receive(name) {
    const value = this.model.get(name);
    const own = this.sent[name].indexOf(JSON.stringify(value));
    if (own >= 0) return this.sent[name].splice(0, own + 1);
    this.values[name] = value;
    return this.tell();
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}

/** Whether the model still has somebody at the other end. A restarted kernel lives, but knows nothing of this model. */
class Life {
  constructor(model) {
    this.manager = model.widget_manager;
    this.lost = false;
    this.check = () => {
      if (this.kernel && GONE.has(this.kernel.status)) this.lost = true;
      return !this.lost && !this.left();
    };
  }

  get kernel() {
    return this.manager?.kernel;
  }

  /** Front ends that have no `kernel` property do not say; those that have it and nothing in it have no kernel. */
  left() {
    if (this.kernel) return this.kernel.isDisposed;
    return Boolean(this.manager) && "kernel" in this.manager;
  }
}
