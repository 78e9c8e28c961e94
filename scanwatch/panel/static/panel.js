// The panel as a notebook widget: the row store lives with the model, so that news before the first view, and between
// views, is kept; each view draws it.

import { RowStore } from "./store.js";
import { PanelView } from "./view.js";

const GONE = new Set(["dead", "restarting", "autorestarting", "terminating"]);

export default function panel() {
  let store;
  return {
    initialize({ model }) {
      store = new RowStore(model.get("snapshot"));
      const load = () => store.load(model.get("snapshot"));
      const receive = (message) => { if (message && "patch" in message) store.apply(message); };
      model.on("change:snapshot", load);
      model.on("msg:custom", receive);
      return () => {
        model.off("change:snapshot", load);
        model.off("msg:custom", receive);
      };
    },
    render({ model, el }) {
      const view = new PanelView(el, store, kernelHost(model, el), model.get("options"));
      model.on("comm_live_update", view.changed);
      return () => {
        model.off("comm_live_update", view.changed);
        view.destroy();
      };
    },
  };
}

/** The kernel as a host. No message is answered with `id`: some kernels keep every message with that key. */
function kernelHost(model, el) {
  const wish = (name) => (scanId) => model.send({ do: name, scan_id: scanId });
  const kernel = () => model.widget_manager?.kernel;
  return {
    actions: { trigger: (target) => model.send({ do: "trigger", target }), cancel: wish("cancel"), retry: wish("retry"), open: wish("open"), close: wish("close") },
    alive: () => isAlive(model, el, kernel()),
    busy: () => kernel()?.status === "busy",
  };
}

function isAlive(model, el, kernel) {
  if (el.closest(".jupyter-widgets-disconnected")) return false;
  if (kernel) return !kernel.isDisposed && !GONE.has(kernel.status);
  // Front ends that have no such property do not say; those that have it and nothing in it have no kernel.
  return !(model.widget_manager && "kernel" in model.widget_manager);
}
