// Which scans are selected. Pure; rows are named by their ids, order is the list's.

export class Selection {
  constructor(onChange = () => {}) {
    this.onChange = onChange;
    this.chosen = new Set();
    this.anchor = null;
  }

  get ids() {
    return [...this.chosen];
  }

  get size() {
    return this.chosen.size;
  }

  has(id) {
    return this.chosen.has(id);
  }

  /** Select one scan alone; one that is so already is let go. */
  only(id) {
    const alone = this.size === 1 && this.has(id);
    this.anchor = id;
    this.take(alone ? [] : [id]);
  }

  toggle(id) {
    this.anchor = id;
    this.take(this.has(id) ? this.ids.filter((other) => other !== id) : [...this.chosen, id]);
  }

  /** Everything between the anchor and `id`, both included; `from` is the anchor where there is none yet. */
  range(listed, id, from = id) {
    if (!listed.includes(this.anchor)) this.anchor = listed.includes(from) ? from : id;
    const ends = [listed.indexOf(this.anchor), listed.indexOf(id)].sort((one, other) => one - other);
    this.take(listed.slice(ends[0], ends[1] + 1));
  }

  all(listed) {
    this.take(listed);
  }

  clear() {
    this.anchor = null;
    this.take([]);
  }

  /** Let go of scans that are no more. */
  keep(exists) {
    if (this.ids.some((id) => !exists(id))) this.take(this.ids.filter(exists));
  }

  /** Take over what was selected elsewhere, without telling anybody. */
  adopt(ids) {
    this.chosen = new Set(ids);
  }

  take(ids) {
    if (ids.length === this.size && ids.every((id) => this.has(id))) return;
    this.chosen = new Set(ids);
    this.onChange(this.ids);
  }
}
