// Answers each line {snapshot, events} with the rows and log lines the page makes of them, for test_page_rows.py.

import { createInterface } from "node:readline";

import { leftS, shareOf } from "../../scanwatch/panel/static/progress.js";
import { applied, lineOf, rowOf, targetName } from "../../scanwatch/gateway/static/scans.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { snapshot, events, target } = JSON.parse(line);
  console.log(JSON.stringify(target === undefined ? picture(snapshot, events) : targetName(target)));
}

function picture(snapshot, events) {
  const rows = [rowOf(snapshot)];
  for (const { event, payload } of events) rows.push(applied(rows.at(-1), kindOf(event), payload));
  const progress = rows.map((row) => [shareOf(row), leftS(row)]);
  return { rows, progress, lines: events.map(({ event, payload }) => lineOf(kindOf(event), payload)) };
}

function kindOf(event) {
  return event.split(":")[2];
}
