// The table of scans, full or compact: the parts around the list, what is listed, and what is asked of a selection.

import { make, show } from "./elements.js";
import { countStates, deedOn, longestLeftS } from "./facts.js";
import { Filters, NoMatch } from "./filters.js";
import { Foot } from "./foot.js";
import { CompactHead } from "./head.js";
import { ScanList } from "./list.js";
import { EVERYTHING, listedIds, queuePlaces } from "./listing.js";
import { makeEmpty } from "./notes.js";
import { Selection } from "./selection.js";
import { Trigger } from "./trigger.js";

let tables = 0;

export class Table {
  /** `view` gives store, host, options, actions, connection, note; and changed(), stateFor(), say(). */
  constructor(view) {
    this.view = view;
    this.paused = null;
    this.fresh = 0;
    const { host, options } = view;
    this.selection = new Selection((ids) => {
      host.share("selected", ids);
      view.changed();
    });
    this.filters = new Filters((wanted) => {
      host.share("filters", wanted);
      this.relist = true;
      view.changed();
    });
    this.adopt();
    this.list = new ScanList({
      compact: options.compact,
      label: options.title,
      maxHeight: options.max_height,
      selection: this.selection,
      actions: view.actions,
      changed: view.changed,
    });
    this.noMatch = new NoMatch(() => this.filters.clear());
    this.nodes = options.compact ? this.compactNodes() : this.fullNodes();
  }

  compactNodes() {
    this.compactHead = new CompactHead(this.view.connection);
    return [this.compactHead.node, this.view.note.node, this.list.node];
  }

  fullNodes() {
    const { actions, connection, note, options, host } = this.view;
    this.trigger = new Trigger({
      onTrigger: actions.trigger,
      onLookUp: actions.lookUp,
      onWrong: (words) => this.view.say({ words }),
      known: () => host.repositories(),
      domId: `sw-known-${(tables += 1)}`,
    });
    this.top = make("div", "sw-top", {}, ...(options.read_only ? [] : [this.trigger.node]), connection.node);
    this.empty = makeEmpty(options.read_only, options.example);
    this.foot = new Foot({
      onPause: () => this.pause(),
      onShowNew: () => this.showNew(),
      onCancel: () => this.list.askSelected("cancel"),
      onRetry: () => this.list.askSelected("retry"),
      onClear: () => this.selection.clear(),
    });
    const { filters, list, noMatch, empty, foot } = this;
    return [this.top, note.node, filters.node, list.node, noMatch.node, empty, foot.node];
  }

  /** Take over what another view, or Python, has set. */
  adopt() {
    const { host } = this.view;
    this.selection.adopt(host.shared("selected") ?? []);
    this.filters.adopt(host.shared("filters") ?? EVERYTHING);
    this.relist = true;
  }

  paint(situation) {
    const { store } = this.view;
    // A paused display stands still as a whole: ages that went on would soon call frozen rows stalled.
    const picture = this.paused ?? store;
    const live = this.paused ? { ...situation, now: this.paused.since } : situation;
    const { counts, wanted, own, places, leftS } = this.overview(picture, live);
    this.selection.keep((id) => store.rows.has(id));
    const fresh = this.updateListed(picture, wanted);
    const stateOf = (id) => this.view.stateFor(id, picture.rows, { ...live, queue: places.get(id) });
    const can = (id) => deedOn(store.rows.get(id), live);
    const inSight = this.list.paint(stateOf, can, counts.all);
    show(this.list.node, counts.all > 0 && this.list.listed.length > 0);
    if (this.compactHead) return this.compactHead.update(counts, inSight);
    this.paintAround(counts, own, live);
    this.paintFoot({ counts, leftS, situation, live, inSight, fresh });
  }

  /** What goes over all rows: once for each piece of news and each second, not for every frame of a scroll. */
  overview(picture, live) {
    const { host, options } = this.view;
    const filters = this.filters.wanted;
    const caller = host.caller();
    const second = Math.floor(live.now / 1000);
    const workers = host.workers();
    const key = JSON.stringify([picture.version, second, live.stalledAfterS, filters, caller, workers]);
    if (key === this.overviewKey) return this.overviewed;
    this.overviewKey = key;
    this.overviewed = {
      counts: countStates(picture.rows, live.now, live.stalledAfterS),
      wanted: listedIds(picture, filters, { ...live, caller }),
      own: caller ? [...picture.rows.values()].filter((row) => row.by === caller).length : null,
      leftS: longestLeftS(picture.rows, live.now),
      places: options.everything ? queuePlaces(picture, workers) : new Map(),
    };
    return this.overviewed;
  }

  paintAround(counts, own, live) {
    const empty = counts.all === 0;
    this.trigger.update(live.live);
    this.heed(this.view.store.trouble);
    show(this.top, live.alive);
    show(this.empty, empty);
    show(this.filters.node, !empty);
    show(this.foot.node, !empty);
    show(this.noMatch.node, !empty && this.list.listed.length === 0);
    this.noMatch.update(this.filters.wanted, counts.all);
    this.filters.update(counts, own);
  }

  heed(trouble) {
    if (trouble && trouble !== this.heeded) this.trigger.giveBack();
    this.heeded = trouble;
  }

  paintFoot({ counts, leftS, situation, live, inSight, fresh }) {
    const { store } = this.view;
    const paused = this.paused && { since: this.paused.since, waiting: store.changes - this.paused.changes };
    this.foot.update({
      counts,
      leftS,
      now: situation.now,
      live: live.live,
      at: live.at,
      paused,
      listed: this.list.listed.length,
      inSight,
      fresh,
      selected: this.list.deeds(),
      asking: this.list.asking !== null,
    });
  }

  /** Bring the list up to date unless that would move rows under somebody's eyes; how many rows wait. */
  updateListed(picture, wanted) {
    if (this.relist || !this.list.holds()) {
      this.relist = false;
      if (this.list.listed !== wanted) this.list.setListed(wanted);
      this.fresh = 0;
    } else if (this.weighed !== wanted) {
      const listed = new Set(this.list.listed);
      if (this.list.listed.some((id) => !picture.rows.has(id)))
        this.list.setListed(this.list.listed.filter((id) => picture.rows.has(id)));
      this.fresh = wanted.filter((id) => !listed.has(id)).length;
    }
    this.weighed = wanted;
    return this.fresh;
  }

  pause() {
    const { store } = this.view;
    this.paused = this.paused ? null : { ...store.frozen(), since: store.now(), changes: store.changes };
    this.view.changed();
  }

  showNew() {
    this.list.node.scrollTop = 0;
    this.relist = true;
    this.view.changed();
  }

  /** Whether the key was one of the panel's own. */
  key(event) {
    const typing = event.target.matches?.("input, select");
    if (event.key === "Escape" && typing) this.leaveField(event.target);
    else if (event.key === "Escape") this.letGo();
    else if (this.compactHead) return false;
    else if (event.key === "/" && !typing) this.filters.input.focus();
    else if (event.key === "p" && !typing) this.pause();
    else return false;
    return true;
  }

  /** Take back the last thing narrowed or chosen, and go to the list. */
  letGo() {
    if (this.selection.size) this.selection.clear();
    else if (this.filters.wanted.text && !this.compactHead) this.filters.set({ text: "" });
    this.list.node.focus({ preventScroll: true });
  }

  leaveField(field) {
    if (field === this.filters.input && this.filters.wanted.text) return this.filters.set({ text: "" });
    return this.list.node.focus({ preventScroll: true });
  }
}
