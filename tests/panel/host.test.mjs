// The widget's module in the plainest host of anywidgets there is: a model with get, on, off and send, and no manager.

import assert from "node:assert/strict";
import { test } from "node:test";

import panel from "../../scanwatch/panel/static/panel.js";

class Model {
  constructor(snapshot) {
    this.state = { snapshot, options: {} };
    this.listeners = new Map();
    this.sent = [];
  }

  get(name) {
    return this.state[name];
  }

  on(name, listener) {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  off(name, listener) {
    this.listeners.set(
      name,
      this.listeners.get(name).filter((other) => other !== listener),
    );
  }

  send(message) {
    this.sent.push(message);
  }

  tell(name, ...of) {
    for (const listener of this.listeners.get(name) ?? []) listener(...of);
  }

  get listened() {
    return [...this.listeners.values()].flat().length;
  }
}

const started = () => {
  const model = new Model({ number: 0, at: 1000, ids: ["a"], groups: [[null, { name: ["a"] }]] });
  return { model, leave: panel().initialize({ model }) };
};

test("a host without a widget manager will do", () => {
  const { model } = started();
  model.tell("msg:custom", { patch: 1, at: 1100, groups: [[[0], { percent: [5] }]] });
  assert.deepEqual(model.sent, []);
});

test("after a gap a snapshot is asked for, once", () => {
  const { model } = started();
  model.tell("msg:custom", { patch: 3, at: 1300 });
  model.tell("msg:custom", { patch: 4, at: 1400 });
  assert.deepEqual(model.sent, [{ do: "again" }]);
});

test("once a snapshot has come the next gap is asked about again", () => {
  const { model } = started();
  model.tell("msg:custom", { patch: 3, at: 1300 });
  model.state.snapshot = { number: 3, at: 1300, ids: ["a"], groups: [] };
  model.tell("change:snapshot");
  model.tell("msg:custom", { patch: 4, at: 1400 });
  assert.equal(model.sent.length, 1);
  model.tell("msg:custom", { patch: 6, at: 1600 });
  assert.equal(model.sent.length, 2);
});

test("messages that make no sense are passed over", () => {
  const { model } = started();
  for (const message of [null, undefined, {}, { other: 1 }]) model.tell("msg:custom", message);
  assert.deepEqual(model.sent, []);
});

test("a model that is let go leaves no listener behind", () => {
  const { model, leave } = started();
  assert.ok(model.listened > 0);
  leave();
  assert.equal(model.listened, 0);
});
