// Small pieces of the document. Text enters through textContent and attributes alone: nothing from the wire is HTML.

import { icon, setPie } from "./icons.js";
import { PHASES } from "./progress.js";
import { countText, headAndTail } from "./words.js";

/** An element with a class, attributes and children (nodes or text). */
export function make(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function makeButton(className, label, attributes, onClick, ...children) {
  const node = make("button", className, { type: "button", "aria-label": label, ...attributes }, ...children);
  node.addEventListener("click", onClick);
  return node;
}

/** Set text only when it changed, so that a paint of an unchanged row touches nothing. */
export function setText(node, text) {
  if (node.swText === text) return;
  node.swText = text;
  node.textContent = text;
}

export function setClass(node, className) {
  if (node.className !== className) node.className = className;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/** Text cut in the middle when there is no room; the whole of it is in the title. */
export function setMiddleCut(node, text) {
  if (node.swText === text) return;
  node.swText = text;
  const [head, tail] = headAndTail(text);
  node.title = text;
  // Of a head that is cut something stays; a short one takes no more room than it needs.
  const look = head.length > 3 ? "sw-mid-head sw-mid-long" : "sw-mid-head";
  node.replaceChildren(make("bdi", look, {}, head), ...(tail ? [make("bdi", "sw-mid-tail", {}, tail)] : []));
}

/** The holder of a state's icon. */
export function setIcon(node, name, percent = 0) {
  if (node.swIcon !== name) {
    node.swIcon = name;
    node.swPercent = null;
    node.replaceChildren(icon(name));
  }
  if (name === "in_progress" && node.swPercent !== percent) {
    node.swPercent = percent;
    setPie(node.firstChild, percent);
  }
}

/** The bar of five segments, one for each phase. */
export function makeBar() {
  return make(
    "div",
    "sw-bar",
    { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" },
    ...PHASES.map(() => make("i", "", {}, make("b"))),
  );
}

export function updateBar(bar, facts, row) {
  setClass(bar, `sw-bar sw-bar-${facts.role}${facts.breathing ? " sw-breathing" : ""}`);
  facts.segments.forEach(({ kind, share }, index) => {
    const segment = bar.children[index];
    const unknown = kind === "now" && share === null;
    setClass(segment, `sw-seg-${unknown ? "unknown" : kind}`);
    const scale = unknown ? "" : `scaleX(${share ?? 0})`;
    if (segment.swScale !== scale) segment.firstChild.style.transform = segment.swScale = scale;
  });
  setAttribute(bar, "aria-valuenow", facts.percent && facts.percent !== "–" ? row.percent : null);
  setAttribute(bar, "aria-valuetext", facts.spoken);
  setAttribute(bar, "aria-label", `Progress of ${row.name}`);
}

/** The place on a row or card that asks before a scan is cancelled, or several are cancelled or scanned again. */
export function makeQuestion({ title, yes, no, spokenYes, spokenNo, onYes, onNo, harmless = false }) {
  const look = harmless ? "sw-button sw-small" : "sw-button sw-small sw-stop";
  const agree = makeButton(look, spokenYes, {}, onYes, yes);
  const keep = makeButton("sw-button sw-small", spokenNo, {}, onNo, no);
  const question = make("div", "sw-ask", { role: "alertdialog", "aria-label": title }, agree, keep);
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    onNo();
  });
  question.focusNo = () => keep.focus({ preventScroll: true });
  return question;
}

/** What is asked before one scan, of this name, is cancelled. */
export function cancelOne(name) {
  return {
    title: "Cancel this scan?",
    yes: "Cancel scan",
    no: "Keep",
    spokenYes: `Cancel scan of ${name}`,
    spokenNo: `Keep scan of ${name}`,
  };
}

/** What is asked before a selection of `count` scans is cancelled or scanned again. */
export function askMany(deed, count) {
  if (deed === "cancel") {
    const spoken = `Cancel ${count} scans`;
    const yes = `Cancel ${countText(count)} scans`;
    return { title: `${spoken}?`, yes, no: "Keep", spokenYes: spoken, spokenNo: `Keep ${count} scans` };
  }
  const spoken = `Scan ${count} again`;
  const yes = `Scan ${countText(count)} again`;
  return { title: `${spoken}?`, yes, no: "Leave", spokenYes: spoken, spokenNo: "Leave them", harmless: true };
}
