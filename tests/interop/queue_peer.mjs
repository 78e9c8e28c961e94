// The queue of a backend in the field, in Node's own BullMQ. Says what it has to say as lines of JSON.
//
//   node queue_peer.mjs produce PACKAGE REDIS_PORT PREFIX DATA(json)     adds one job and waits for its end
//   node queue_peer.mjs work    PACKAGE REDIS_PORT PREFIX JOBS           runs so many jobs, reporting 10, 30, 60, 90
//   node queue_peer.mjs board   PACKAGE REDIS_PORT PREFIX STATUS         what Bull Board shows of the jobs
//
// PACKAGE is the name under which a version of bullmq is installed.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.PEERS}/package.json`);
const [role, name, port, prefix, argument] = process.argv.slice(2);
const { Queue, QueueEvents, Worker } = require(name);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
const options = { connection, prefix };

const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function produce() {
  const data = JSON.parse(argument);
  const queue = new Queue("scanner", options);
  const events = new QueueEvents("scanner", options);
  await events.waitUntilReady();
  const heard = [];
  events.on("progress", ({ data: progress }) => heard.push(progress));
  const backoff = { type: "exponential", delay: 5000 };
  const job = await queue.add("scan-repository", data, { jobId: data.scanId, attempts: 3, backoff });
  const result = await job.waitUntilFinished(events, 60_000);
  const state = await job.getState();
  const ended = await queue.getJob(job.id);
  say({ result, state, progress: ended.progress, attemptsMade: ended.attemptsMade, heard });
  await events.close();
  await queue.close();
}

async function work() {
  let left = Number(argument);
  const process_ = async (job) => {
    say({ took: job.id, name: job.name, data: job.data, attempts: job.opts.attempts, backoff: job.opts.backoff });
    for (const percent of [10, 30, 60, 90]) {
      await job.updateProgress(percent);
      await pause(20);
    }
    return { artifactsCreated: 4, durationMs: 80 };
  };
  const worker = new Worker("scanner", process_, options);
  await new Promise((resolve) => worker.on("completed", () => --left || resolve()));
  await worker.close();
}

async function board() {
  const { createBullBoard } = require("@bull-board/api");
  const { BullMQAdapter } = require("@bull-board/api/bullMQAdapter");
  const queue = new Queue("scanner", options);
  let routes;
  const serverAdapter = {};
  for (const setter of ["StaticPath", "ViewsPath", "ErrorHandler", "EntryRoute", "Queues", "UIConfig"])
    serverAdapter[`set${setter}`] = () => serverAdapter;
  serverAdapter.setApiRoutes = (given) => ((routes = given), serverAdapter);
  const adapter = new BullMQAdapter(queue);
  createBullBoard({ queues: [adapter], serverAdapter, options: { uiBasePath: process.env.PEERS } });
  const { handler } = routes.find(({ route }) => [route].flat().includes("/api/queues"));
  const query = { activeQueue: "scanner", status: argument, page: "1", jobsPerPage: "10" };
  const { body } = await handler({ queues: new Map([["scanner", adapter]]), query, params: {}, headers: {} });
  say(body.queues[0]);
  await queue.close();
}

await { produce, work, board }[role]();
process.exit();
