// The panel as a notebook widget: the row store lives with the model, so that news before the first view, and between
// views, is kept; each view draws it.

import { RowStore } from "./store.js";
import { PanelView } from "./view.js";

const GONE = new Set(["dead", "restarting", "autorestarting", "terminating"]);

export default function panel() {
  let store;
  let life;
  return {
    initialize({ model }) {
      store = new RowStore(model.get("snapshot"));
      life = new Life(model);
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
        model.off("comm_live_update", life.check);
        model.off("change:snapshot", load);
        model.off("msg:custom", receive);
      };
    },
    render({ model, el }) {
      el.classList.add("sw-host");
      const view = new PanelView(el, store, kernelHost(model, life, el), model.get("options"));
      model.on("comm_live_update", view.changed);
      return () => {
        model.off("comm_live_update", view.changed);
        view.destroy();
      };
    },
  };
}

/** The kernel as a host. No message is answered with `id`: some kernels keep every message with that key. */
function kernelHost(model, life, el) {
  const waiting = new Set();
  const send = (content) => {
    waiting.add(content);
    // The kernel says of each message that it has taken it up. News of scans says nothing: it comes in any case.
    model.send(content, { iopub: { status: () => waiting.delete(content) } });
  };
  const wish = (name) => (scanId) => send({ do: name, scan_id: scanId });
  return {
    actions: {
      trigger: (target) => send({ do: "trigger", target }),
      cancel: wish("cancel"),
      retry: wish("retry"),
      open: wish("open"),
      close: wish("close"),
    },
    // The front end marks the views of a model that no kernel knows, as that of a notebook saved with its widgets.
    alive: () => life.check() && !el.closest(".jupyter-widgets-disconnected"),
    busy: () => waiting.size > 0 && life.kernel?.status === "busy",
  };
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
