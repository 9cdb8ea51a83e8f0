import { expect, setDefaultTimeout, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import { NO_BROKER } from "../helpers/app.ts";
import { type LogLine, type Sidepost, startSidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { metricsOf, MINUTE, post } from "./support.ts";

setDefaultTimeout(MINUTE);

/** Longer than a test may take. */
const PATIENT = { SERVER_WRITE_TIMEOUT: "4m", SERVER_READ_TIMEOUT: "4m" };
const CLIENTS = 200;

async function connect({ url }: Sidepost): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

const request = (path: string, framing: string, body: string): string =>
  [
    `POST /api/v1/events${path} HTTP/1.1`,
    "host: sidepost",
    "content-type: application/json",
    framing,
    "",
    body,
  ].join("\r\n");

/** Sends this and closes the connection some milliseconds later. */
async function sendAndLeave(sidepost: Sidepost, text: string, ms = 3): Promise<void> {
  const socket = await connect(sidepost);
  socket.write(text);
  await Bun.sleep(ms);
  socket.destroy();
}

const complete = (path: string, body: string) => request(path, `content-length: ${body.length}`, body);

const metric = async (sidepost: Sidepost, name: string): Promise<Map<string, number>> =>
  (await metricsOf(sidepost)).get(name)?.samples ?? new Map();

/** Resolves when so many requests to a route were counted as left. */
function untilLeft(sidepost: Sidepost, route: string, count: number): Promise<true> {
  let seen: unknown;
  const check = async () => {
    const requests = await metric(sidepost, "http_requests_total");
    seen = [...requests];
    const labels = `{method="POST",route="${route}",status="499"}`;
    return requests.get(`http_requests_total${labels}`) === count || undefined;
  };
  return waitUntil(check, 30_000, () => new Error(`${count} have not left: ${JSON.stringify(seen)}`));
}

const sum = (samples: Map<string, number>): number => [...samples.values()].reduce((a, b) => a + b, 0);

const departures = ({ log }: Sidepost): LogLine[] =>
  log.filter(({ msg }) => String(msg).startsWith("Client"));

test("what clients that give up during an outage wait for is let go, and the log says where their events are", async () => {
  await using sidepost = await startSidepost({ env: { ...NO_BROKER, ...PATIENT, LOG_SAMPLE: "5" } });
  const leaving = complete("/user", '{"data":1}');
  await Promise.all(Array.from({ length: CLIENTS }, () => sendAndLeave(sidepost, leaving)));
  await untilLeft(sidepost, "/api/v1/events/:name", CLIENTS);

  expect(sum(await metric(sidepost, "producer_queue_messages"))).toBe(CLIENTS);
  const counted = () => {
    const lines = departures(sidepost);
    const total = lines.reduce((all, { count }) => all + Number(count ?? 1), 0);
    return total === CLIENTS ? lines : undefined;
  };
  const lines = await waitUntil(counted, 10_000, () => new Error(JSON.stringify(departures(sidepost))));
  expect(lines.length).toBeLessThan(CLIENTS);
  expect(lines[0]).toMatchObject({
    level: "warn",
    msg: "Client left before its answer",
    event_id: expect.stringMatching(/^user_created_/),
    event_type: "user_created",
    state: "queued",
    duration: expect.stringMatching(/^\d+\.\dms$/),
  });
});

test("the events of clients that have left, single ones and batches, are delivered all the same", async () => {
  await using sidepost = await startSidepost({
    env: { KAFKA_BROKER_LIST: "embedded", ...PATIENT, RDKAFKA_LINGER_MS: "1500" },
  });
  await Promise.all([
    sendAndLeave(sidepost, complete("/user", '{"data":1}')),
    sendAndLeave(sidepost, complete("", '[{"type":"user","data":1},{"type":"order","data":2}]'), 500),
  ]);
  await untilLeft(sidepost, "/api/v1/events/:name", 1);
  await untilLeft(sidepost, "/api/v1/events", 1);
  expect(departures(sidepost)).toContainEqual(
    expect.objectContaining({ delivered: 0, failed: 0, queued: 2, first_event_id: expect.any(String) }),
  );
  await waitUntil(
    async () => sum(await metric(sidepost, "producer_events_published_total")) === 3 || undefined,
    10_000,
    () => new Error("the events were not delivered"),
  );
});

test("of a client that leaves before its body is complete nothing is taken", async () => {
  await using sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded", ...PATIENT } });
  const whole = '{"data":1}';
  const half = request("/user", "content-length: 100", whole);
  const unended = request("/user", "transfer-encoding: chunked", `a\r\n${whole}\r\n`);
  const batch = request("", "content-length: 100", '[{"type":"user","data":1}]');
  await Promise.all([half, unended, batch].map((text) => sendAndLeave(sidepost, text, 50)));
  await untilLeft(sidepost, "/api/v1/events/:name", 2);
  await untilLeft(sidepost, "/api/v1/events", 1);
  expect(sum(await metric(sidepost, "producer_events_accepted_total"))).toBe(0);
  expect(await post(sidepost, "/user", { data: 1 })).toMatchObject({ status: 201 });
});
