import type { Post } from "./loads.ts";
import { cpuOf } from "./proc.ts";
import type { Server } from "./server.ts";
import { endOffset, expectEnd, type Topic } from "./topic.ts";
import { faults, post } from "./wrk.ts";

/** How hard and how long to post. */
export interface Pace {
  seconds: number;
  connections: number;
  pause?: number;
}

/** What one load cost a server: events a second, latencies in ms, CPU in microseconds an event. */
export interface Cost {
  events: number;
  p50: number;
  p99: number;
  cpu: number;
  javascript: number;
  librdkafka: number;
}

/**
 * Loads a server and says what that cost. Throws when any answer is not a success, and, with a topic given,
 * when that topic did not grow by exactly the events that were answered.
 */
export async function measure(server: Server, load: Post, pace: Pace, topic?: Topic): Promise<Cost> {
  const end = topic && (await endOffset(topic));
  const before = await cpuOf(server.pid);
  const result = await post({ ...load, ...pace, url: server.url + load.path });
  const wrong = faults(result);
  if (wrong) throw new Error(`${load.name}: of ${result.answers} posts ${wrong}`);
  const { answers, p50, p99 } = result;
  const events = answers * load.events;
  if (topic && end !== undefined) await expectEnd(topic, end + events);
  const after = await cpuOf(server.pid);
  return {
    events: events / pace.seconds,
    p50: p50 / 1000,
    p99: p99 / 1000,
    cpu: (after.all - before.all) / events,
    javascript: (after.javascript - before.javascript) / events,
    librdkafka: (after.librdkafka - before.librdkafka) / events,
  };
}

/** One post of a load, to see that the answer is what a success looks like. Throws with the answer if not. */
export async function expectAnswer(server: string, { path, headers, contentType, body, status }: Post) {
  const answer = await fetch(server + path, {
    method: "POST",
    headers: { ...headers, "content-type": contentType },
    body,
  });
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${path} answered ${answer.status}, not ${status}: ${text}`);
}
