// The front end that gateways in the field are used with: connects to /ws, triggers a scan over REST, listens by event
// name, subscribes to nothing. Writes what it heard as one line of JSON.
//
//   node front_end.mjs GATEWAY REPOSITORY_ID TRANSPORTS(comma) [TOKEN]

import { createRequire } from "node:module";

const { io } = createRequire(`${process.env.PEERS}/package.json`)("socket.io-client");
const [gateway, repositoryId, transports, token] = process.argv.slice(2);

class ScanProgressClient {
  constructor() {
    const auth = token ? { auth: { token } } : {};
    const chosen = transports === "default" ? {} : { transports: transports.split(",") };
    this.socket = io(`${gateway}/ws`, { autoConnect: false, ...chosen, ...auth });
  }

  connect() {
    this.socket.connect();
  }

  disconnect() {
    this.socket.disconnect();
  }

  subscribe(scanId, heard) {
    for (const kind of ["progress", "complete", "failed"])
      this.socket.on(`scan:${scanId}:${kind}`, (...said) => heard(kind, said));
  }

  unsubscribe(scanId) {
    for (const kind of ["progress", "complete", "failed"]) this.socket.off(`scan:${scanId}:${kind}`);
  }
}

async function trigger() {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${gateway}/api/v1/repositories/${repositoryId}/scan`, { method: "POST", headers });
  if (answer.status !== 202) throw new Error(`trigger: ${answer.status}`);
  return (await answer.json()).scanId;
}

/** A last poll may still be under way; nothing of it is of interest. */
function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit());
}

const client = new ScanProgressClient();
const heard = [];
const early = [];
const used = [];
client.socket.onAny((name, ...said) => early.push([name, said]));
client.socket.on("connect_error", (error) => {
  client.disconnect();
  say({ refused: error.message, heard: early });
});
client.socket.io.on("open", () => {
  const { engine } = client.socket.io;
  used.push(engine.transport.name);
  engine.once("upgrade", () => used.push(engine.transport.name));
});
client.socket.on("connect", async () => {
  const scanId = await trigger();
  // What came before the answer to the trigger has been heard by name all the same; it is counted apart.
  const before = early.filter(([name]) => name.startsWith(`scan:${scanId}:`));
  client.subscribe(scanId, (kind, said) => {
    heard.push([kind, said]);
    if (kind === "progress") return;
    client.unsubscribe(scanId);
    client.disconnect();
    const first = before.map(([name, said]) => [name.split(":")[2], said]);
    say({ scanId, used, heard: [...first, ...heard] });
  });
});
client.connect();
