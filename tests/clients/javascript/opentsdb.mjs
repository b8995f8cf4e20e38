// Writes points by the socket of npm's opentsdb, asks for them by its client, and prints what it heard as JSON.
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import opentsdb from "opentsdb";

const [port, metric, start] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];

const socket = opentsdb.socket();
socket.port(port);
await new Promise((connected, failed) => {
  socket.addListener("connect", connected);
  socket.addListener("error", failed);
  socket.connect();
});
for (let number = 0; number < 100; number++) {
  const datum = opentsdb.datum();
  datum.metric(metric).timestamp(start + number).value(number + 0.25).tags("host", "a");
  await new Promise((written) => socket.write(`put ${datum.toString()}\n`, written));
}
socket.end();

const client = opentsdb.client();
const query = opentsdb.mquery();
query.metric(metric).aggregator("sum").tags("host", "a");
client.port(port).start(start).end(start + 1000).queries(query);
const asked = async (name) => promisify((answer) => client[name](answer))();
let found = [];
// Nobody answers a line that is stored.
for (let tries = 0; tries < 100 && found[0]?.dps.length !== 100; tries++) {
  await sleep(50);
  found = await asked("get").catch((error) => [{ dps: [], error: error.message }]);
}
console.log(JSON.stringify({ found, version: await asked("version") }));
