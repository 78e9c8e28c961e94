// What a panel says besides rows: how the connection stands, what went wrong, and what to do when there is nothing.

import { copyButton } from "./details.js";
import { make, makeButton, setAttribute, setText, show } from "./elements.js";
import { PHASES } from "./progress.js";
import { icon } from "./icons.js";
import { capital, whenText } from "./words.js";

const EXAMPLE =
  'scan = client.scan("sim://acme/payments?files=150&duration_s=8")\n' +
  "scan                    # shows this one, live\n" +
  "scan.artifacts()        # a DataFrame, when it has ended";
const PHASE_WORDS = {
  discovery: "lists the files",
  fetch: "reads what changed",
  parse: "finds the artifacts",
  validate: "checks links and evidence",
  persist: "stores the result",
};

/** A band that says how things stand and what to do; {sign, role, title, parts, urgent, again}. */
export class Note {
  constructor(onAgain) {
    this.again = makeButton("sw-button sw-small", "Try again", {}, onAgain, "Try again");
    this.node = make("div", "sw-note");
    this.node.hidden = true;
  }

  update(note) {
    show(this.node, note !== null);
    const key = note ? JSON.stringify([note.title, note.parts]) : "";
    if (key === this.shown) return;
    this.shown = key;
    if (!note) return this.node.replaceChildren();
    setAttribute(this.node, "role", note.urgent ? "alert" : "status");
    const sign = make("span", `sw-link-holder sw-as-${note.role}`, {}, icon(note.sign));
    const words = note.parts.map((part) => (typeof part === "string" ? part : make("code", "", {}, part.code)));
    const again = note.again ? [this.again] : [];
    this.node.replaceChildren(sign, make("b", "", {}, note.title), make("p", "", {}, ...words), ...again);
  }
}

/** Which note the state of things asks for; null for none. */
export function noteFor({ alive, connection, at, waitsForKernel }) {
  const since = whenText(at, Date.now());
  if (!alive) {
    return {
      sign: "closed",
      role: "idle",
      title: `Not live: the kernel is gone. Last state of ${since}.`,
      parts: ["Scans go on without this notebook. To watch them again, run the cell: ", { code: "client.watch()" }],
    };
  }
  if (connection.state === "refused") return refusedNote(connection, since);
  if (waitsForKernel) {
    return {
      sign: "polling",
      role: "idle",
      title: "The kernel is busy; this runs after the cell.",
      parts: ["To cancel now, interrupt the cell and call ", { code: "scan.cancel()" }, "."],
    };
  }
  return null;
}

function refusedNote({ reason }, since) {
  return {
    sign: "refused",
    role: "bad",
    urgent: true,
    again: true,
    title: `Connection refused: ${reason ?? "the gateway does not say why."}`,
    parts: [
      "Set a new token in ",
      { code: "SCANWATCH_TOKEN" },
      ", or run ",
      { code: "scanwatch.connect(token=…)" },
      ` again. Rows show the state of ${since}.`,
    ],
  };
}

/** Below the rows: what did not work, in words, until it is put away. {words, details}. */
export class Problem {
  constructor(changed) {
    this.words = make("p");
    this.copy = make("span");
    const away = () => {
      show(this.node, false);
      changed();
    };
    this.node = make(
      "div",
      "sw-problem",
      { role: "alert" },
      make("span", "sw-link-holder sw-as-bad", {}, icon("failed")),
      this.words,
      this.copy,
      makeButton("sw-icon-button", "Put this message away", { title: "Put away" }, away, icon("cancel")),
    );
    this.node.hidden = true;
  }

  update(problem) {
    const key = problem ? JSON.stringify(problem) : "";
    if (key === this.shown) return;
    this.shown = key;
    show(this.node, problem !== null);
    setText(this.words, problem?.words ?? "");
    this.copy.replaceChildren(...(problem?.details ? [copyButton("Copy details", problem.details, "Copy details")] : []));
  }
}

/** What a panel without any scan says. Where there are no cells, `toType` is what to try in the field above. */
export function makeEmpty(readOnly, toType) {
  const start = toType ? "this simulated scan" : "start a simulated scan from a cell";
  const how = readOnly
    ? "Start a simulated scan from a cell."
    : `Type a repository above and press Enter, or ${start}.`;
  const example = toType ?? EXAMPLE;
  const code = make("pre", "sw-source", { tabindex: "0", "aria-label": "Example" }, example);
  const steps = PHASES.map((phase) =>
    make("li", "", {}, make("i"), make("b", "", {}, capital(phase)), make("span", "", {}, PHASE_WORDS[phase])),
  );
  return make(
    "div",
    "sw-empty",
    {},
    make(
      "div",
      "",
      {},
      make("div", "sw-empty-title", {}, "No scans yet"),
      make("p", "", {}, `${how} It needs no repository and takes 8 s.`),
      make("div", "sw-example", {}, code, copyButton("copy", example)),
      make("p", "", {}, "Scans started anywhere else on this gateway appear here too."),
    ),
    make("div", "", {}, make("div", "sw-h4", {}, "What a scan does"), make("ol", "sw-steps-legend", {}, ...steps)),
  );
}
