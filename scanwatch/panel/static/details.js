// What opens below a row: the phases on a time axis, the attempts, the last events, the calls that go on from here.

import { make, makeButton, setText, show } from "./elements.js";
import { isTerminal } from "./facts.js";
import { PHASES } from "./progress.js";
import { capital, clockText, durationText, plural } from "./words.js";

const AXIS_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const LOG_LINES = 10;
const ATTEMPT_LINES = 8;
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const ORDINALS = new Intl.PluralRules("en-GB", { type: "ordinal" });

export class Details {
  /** `inGrid`: it stands among the rows of a list, not by itself. */
  constructor(id, domId, { inGrid = false } = {}) {
    this.id = id;
    this.started = make("span");
    this.axis = make("div", "sw-axis");
    this.attempts = make("ol", "sw-attempts");
    this.earlier = make("span");
    this.attemptsHead = make("div", "sw-h4", {}, "Attempts", this.earlier);
    this.count = make("span");
    this.log = make("div", "sw-log", { role: "log", "aria-live": "off", "aria-label": "Last events" });
    this.calls = make("div", "sw-calls");
    this.node = make(
      "div",
      "sw-details",
      inGrid ? { id: domId, role: "row" } : { id: domId },
      make(
        "div",
        "sw-details-grid",
        inGrid ? { role: "gridcell" } : {},
        make(
          "section",
          "",
          {},
          make("div", "sw-h4", {}, "Phases", this.started),
          this.axis,
          this.attemptsHead,
          this.attempts,
        ),
        make("section", "", {}, make("div", "sw-h4", {}, "Last events", this.count), this.log),
        this.calls,
      ),
    );
    this.fillCalls();
  }

  update(row, lines, now) {
    const key = JSON.stringify([row.spans, row.failures, row.status, lines?.at(-1)?.[0], Math.floor(now / 1000)]);
    if (key === this.shown) return;
    this.shown = key;
    setText(this.started, row.started === undefined ? "" : `started ${clockText(row.started, true)}`);
    this.axis.replaceChildren(...lanesOf(row, now));
    const attempts = attemptsOf(row, now);
    show(this.attemptsHead, attempts.length > 0);
    setText(this.earlier, attempts.length > ATTEMPT_LINES ? `the last ${ATTEMPT_LINES} of ${attempts.length}` : "");
    setNodes(this.attempts, attempts.slice(-ATTEMPT_LINES));
    setText(this.count, row.seq ? `${plural(row.seq, "event")} in all` : "");
    setNodes(this.log, logOf(lines));
  }

  fillCalls() {
    const id = JSON.stringify(this.id);
    const short = this.id.length > 12 ? `"${this.id.slice(0, 8)}…"` : id;
    const calls = [
      [`scan = client.attach(${short})`, `scan = client.attach(${id})`],
      ["scan.artifacts()"],
      ["scan.findings()"],
      ["scan.events()"],
    ];
    this.calls.append(
      "Next calls",
      ...calls.map(([label, code]) => copyButton(label, code ?? label)),
      make("span", "sw-grow"),
      make("span", "", { title: this.id }, `Scan ${this.id.slice(0, 8)}`),
    );
  }
}

/** Put other nodes into `box` only where they say something else: what was marked to be copied stays marked. */
function setNodes(box, nodes) {
  nodes.forEach((node, index) => {
    const before = box.children[index];
    if (!before) box.append(node);
    else if (!before.isEqualNode(node)) before.replaceWith(node);
  });
  while (box.children.length > nodes.length) box.lastElementChild.remove();
}

/** A call that a click copies. */
export function copyButton(label, code, spoken = `Copy ${code}`) {
  const button = makeButton(
    "sw-call",
    spoken,
    { title: "Copy" },
    async () => {
      // Where a page is not secure there is no clipboard.
      const copied = await navigator.clipboard?.writeText(code).then(
        () => true,
        () => false,
      );
      button.textContent = copied ? "copied" : "not copied";
      setTimeout(() => {
        button.textContent = label;
      }, 1200);
    },
    label,
  );
  return button;
}

function lanesOf(row, now) {
  const shown = [...new Set((row.spans ?? []).map(([attempt]) => attempt))].slice(-2);
  const spans = (row.spans ?? []).filter(([attempt]) => shown.includes(attempt));
  const begun = spans.length ? Math.min(...spans.map(([, , start]) => start)) : now;
  const last = Math.max(begun, ...spans.map(([, , , end]) => end ?? now));
  const stepS = AXIS_STEPS_S.find((step) => step * 4000 >= last - begun) ?? Math.ceil((last - begun) / 4000);
  const at = (time) => `${(100 * (time - begun)) / (stepS * 4000)}%`;
  const several = shown.length > 1;
  const heads = several
    ? [
        make("span"),
        make("div", "sw-lane-head", {}, ...attemptMarks(spans, at)),
        ...shown.map((n) => make("span", "sw-quiet sw-right", {}, `${n}${ENDINGS[ORDINALS.select(n)]}`)),
      ]
    : [];
  const lanes = PHASES.flatMap((phase) => {
    const own = spans.filter(([, name]) => name === phase);
    const lane = make("div", "sw-lane", {}, ...own.map((span) => spanBar(span, row, now, at)));
    const times = shown.map((attempt) => make("span", "sw-right", {}, spanTime(own, attempt, now)));
    return [
      make("span", own.length ? "" : "sw-quiet", {}, capital(phase)),
      lane,
      ...(times.length ? times : [make("span")]),
    ];
  });
  const ticks = make(
    "div",
    "sw-ticks",
    {},
    ...[0, 1, 2, 3, 4].map((n) => make("span", "", {}, durationText(n * stepS))),
  );
  const grid = make("div", `sw-lanes${several ? " sw-two" : ""}`, {}, ...heads, ...lanes, make("span"), ticks);
  return [grid];
}

function attemptMarks(spans, at) {
  const first = new Map();
  for (const [attempt, , start] of spans) if (!first.has(attempt)) first.set(attempt, start);
  return [...first].map(([attempt, start]) => {
    const mark = make("span", "", {}, `attempt ${attempt}`);
    mark.style.insetInlineStart = at(start);
    return mark;
  });
}

function spanBar([attempt, phase, start, end], row, now, at) {
  const past = attempt < row.attempt;
  const failedHere = (row.failures ?? []).some(([failed, where]) => failed === attempt && where === phase);
  const running = end === null && !isTerminal(row);
  const bar = make(
    "u",
    failedHere ? "sw-span-stopped" : past || isTerminal(row) ? "sw-span-past" : running ? "sw-span-running" : "",
  );
  bar.style.insetInlineStart = at(start);
  bar.style.width = `calc(${at(end ?? now)} - ${at(start)})`;
  return bar;
}

function spanTime(spans, attempt, now) {
  const own = spans.filter(([number]) => number === attempt);
  if (!own.length) return "–";
  return durationText(own.reduce((sum, [, , start, end]) => sum + ((end ?? now) - start), 0) / 1000);
}

function attemptsOf(row, now) {
  const failures = row.failures ?? [];
  if (!failures.length) return [];
  const begunAt = (attempt) => row.spans?.find(([number]) => number === attempt)?.[2];
  const lines = failures.map(([attempt, phase, error, time]) => {
    const begun = begunAt(attempt);
    const after = begun === undefined ? "failed" : `failed after ${durationText((time - begun) / 1000)}`;
    return attemptLine(attempt, after, `${phase ? `${capital(phase)}: ` : ""}${error}`);
  });
  const begun = begunAt(row.attempt);
  if (!failures.some(([attempt]) => attempt === row.attempt) && begun !== undefined) {
    const words = isTerminal(row) ? row.status : "in progress";
    lines.push(attemptLine(row.attempt, `${words}, ${durationText(((row.finished ?? now) - begun) / 1000)}`, ""));
  }
  return lines;
}

function attemptLine(attempt, words, error) {
  return make(
    "li",
    "",
    {},
    make("span", "", {}, String(attempt)),
    make("span", "", {}, words),
    make("bdi", "sw-cut", { title: error }, error),
  );
}

function logOf(lines) {
  if (!lines?.length) return [make("span", "sw-quiet sw-log-empty", {}, "Events appear here while the panel is live.")];
  return lines
    .slice(-LOG_LINES)
    .flatMap(([seq, time, words]) => [
      make("span", "sw-quiet", {}, clockText(time, true)),
      make("span", "sw-quiet sw-right", {}, seq === null ? "" : String(seq)),
      make("bdi", "sw-cut", { title: words }, words),
    ]);
}
