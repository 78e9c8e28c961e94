// The panel's icons as SVG elements. Shape tells a state as well as colour: live states are outlined, ends filled.

const SVG = "http://www.w3.org/2000/svg";
const line = {
  fill: "none",
  stroke: "currentColor",
  "stroke-width": 1.5,
  "stroke-linecap": "round",
  "stroke-linejoin": "round",
};
const onFill = { ...line, stroke: "var(--sw-surface)", "stroke-width": 1.7 };
const ring = ["circle", { cx: 8, cy: 8, r: 6, ...line }];
const disc = ["circle", { cx: 8, cy: 8, r: 6.75, fill: "currentColor" }];
const dot = (x, y, r) => ["circle", { cx: x, cy: y, r, fill: "currentColor" }];
const hollow = (x) => ["circle", { cx: x, cy: 6, r: 2.5, ...line, "stroke-width": 1.4 }];
const knob = (x, y) => ["circle", { cx: x, cy: y, r: 1.8, ...line, "stroke-width": 1.3 }];
const path = (d, look = line) => ["path", { d, ...look }];

// A pie is a thick short-radius circle of which only a part is stroked; the part is set by `setPie`.
const pie = [
  "circle",
  {
    cx: 8,
    cy: 8,
    r: 1.9,
    ...line,
    "stroke-linecap": "butt",
    "stroke-width": 3.8,
    pathLength: 100,
    "stroke-dasharray": "0 100",
    transform: "rotate(-90 8 8)",
  },
];

const SHAPES = {
  queued: [["circle", { cx: 8, cy: 8, r: 6, ...line, pathLength: 40, "stroke-dasharray": "1.6 3.4" }]],
  in_progress: [ring, pie],
  retrying: [
    path("M13.3 8.4A5.3 5.3 0 1 1 11.2 3.8", { ...line, "stroke-width": 1.6 }),
    path("M8.7 5.3h4.2V1.1z", { fill: "currentColor" }),
  ],
  stalled: [path("M8 2.2 14.3 13.2H1.7z"), path("M8 6.3v3.2", { ...line, "stroke-width": 1.6 }), dot(8, 11.4, 0.9)],
  cancelling: [ring, ["rect", { x: 5.4, y: 5.4, width: 5.2, height: 5.2, rx: 0.8, fill: "currentColor" }]],
  completed: [disc, path("m5 8.3 2.1 2.1 4-4.3", onFill)],
  failed: [
    path("M5.2 1.25h5.6l3.95 3.95v5.6l-3.95 3.95H5.2L1.25 10.8V5.2z", { fill: "currentColor" }),
    path("m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8", onFill),
  ],
  cancelled: [disc, path("M4.9 8h6.2", onFill)],
  unknown: [
    ring,
    path("M6.3 6.5a1.8 1.8 0 1 1 2.5 1.8c-.6.3-.8.6-.8 1.1", { ...line, "stroke-width": 1.4 }),
    dot(8, 11.3, 0.9),
  ],
  open: [path("m6 4 4 4-4 4", { ...line, "stroke-width": 1.6 })],
  cancel: [path("m4.2 4.2 7.6 7.6m0-7.6-7.6 7.6")],
  retry: [path("M13.3 8.4A5.3 5.3 0 1 1 11.2 3.8"), path("M8.7 5.3h4.2V1.1z", { fill: "currentColor" })],
  find: [["circle", { cx: 7, cy: 7, r: 4.2, ...line }], path("m10.2 10.2 3.3 3.3")],
  repository: [
    path("M4.9 2.5h7.3v11H4.6c-.7 0-1.1-.5-1.1-1.2V4c0-.9.6-1.5 1.4-1.5zM3.6 11c.3-.5.7-.7 1.3-.7h7.2", {
      ...line,
      "stroke-width": 1.3,
    }),
  ],
  options: [path("M2.5 5h3m4 0h4M2.5 11h4m4 0h3", { ...line, "stroke-width": 1.3 }), knob(7.5, 5), knob(8.5, 11)],
  pause: [path("M5.5 3.7v8.6m5-8.6v8.6", { ...line, "stroke-width": 1.9 })],
  resume: [path("M5 3.4v9.2L12.6 8z", { fill: "currentColor" })],
  copy: [
    ["rect", { x: 5.6, y: 5.6, width: 7.9, height: 7.9, rx: 1.2, ...line, "stroke-width": 1.3 }],
    path("M3.3 10.3c-.6-.1-.8-.4-.8-.9V3.6c0-.7.4-1.1 1.1-1.1h5.8c.5 0 .8.2.9.8", { ...line, "stroke-width": 1.3 }),
  ],
  live: [path("M4 6h14", { ...line, "stroke-width": 1.6 }), dot(4, 6, 3.2), dot(18, 6, 3.2)],
  polling: [
    path("M8.4 6H14", { ...line, "stroke-linecap": "butt", "stroke-width": 1.6, "stroke-dasharray": "1.6 2" }),
    dot(4, 6, 3.2),
    dot(18, 6, 3.2),
  ],
  reconnecting: [dot(4, 6, 3.2), hollow(18), dot(9.3, 6, 0.95), dot(12.7, 6, 0.95)],
  refused: [
    path("M7 6h3", { ...line, "stroke-width": 1.6 }),
    dot(4, 6, 3.2),
    hollow(18),
    path("M11.6 1v10", { ...line, "stroke-width": 2 }),
  ],
  closed: [hollow(4), hollow(18)],
};
const WIDE = new Set(["live", "polling", "reconnecting", "refused", "closed"]);

/** A fresh icon; always hidden from screen readers, as a word stands beside it or on its button. */
export function icon(name) {
  const wide = WIDE.has(name);
  const svg = svgElement("svg", {
    viewBox: wide ? "0 0 22 12" : "0 0 16 16",
    class: wide ? "sw-link" : "sw-icon",
    "aria-hidden": "true",
  });
  for (const [tag, attributes] of SHAPES[name] ?? SHAPES.unknown) svg.append(svgElement(tag, attributes));
  return svg;
}

/** Fill the pie of an "in progress" icon. */
export function setPie(svg, percent) {
  svg.children[1]?.setAttribute("stroke-dasharray", `${percent} 100`);
}

function svgElement(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
