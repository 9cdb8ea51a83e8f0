import { type Failure, failure } from "../domain/errors.ts";
import { freeBytes } from "../domain/buffers.ts";
import type { EventType } from "../domain/event.ts";
import type { Framing } from "../domain/ports.ts";
import type { Receipt, Refused } from "../domain/receipt.ts";
import type { Admission, Entry } from "../usecase/admission.ts";
import type { AtomicOutcome } from "../usecase/atomic-batch.ts";
import type { AtomicPublisher } from "../usecase/atomic.ts";
import type { Idempotency } from "../usecase/idempotency.ts";
import type { BatchOutcome, Publisher, SettledBatch, Wait, Watch } from "../usecase/publish.ts";
import type { RequestTally, RouteTally } from "../usecase/request-tally.ts";
import type { Answers } from "./answer.ts";
import { atomicWait, readAtomic } from "./atomic.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { createKeyedAnswers, KEY_HEADER } from "./keyed.ts";
import { encoded, framingOf, isJson, unsupported } from "./media-type.ts";
import { type Preference, readPrefer } from "./prefer.ts";
import { locationOf, toWire } from "./receipt.ts";
import { type BodyShape, explain } from "./schemas.ts";

export interface PostOptions {
  publisher: Publisher;
  /** Knows the posts that have an Idempotency-Key. */
  idempotency: Idempotency;
  atomic: Pick<AtomicPublisher, "publish">;
  types: readonly EventType[];
  limits: BodyLimits;
  admission: Admission;
  /** Whether what is taken now waits for the disk. */
  writing: () => boolean;
  /** What a post waits for that does not say, and the longest that any may wait, in milliseconds. */
  wait: Wait;
  longestWait: number;
  /** Says why a web page may not post, if it may not. */
  originCheck: (request: Request) => Failure | undefined;
  requests: RequestTally;
  answers: Answers;
  /** Called when a post is refused and nothing of it was taken; with the event's type, where it is known. */
  onRefused: (error: Failure, type?: EventType) => void;
  /** A thrown error as a failure, once it is logged. */
  recover: (error: unknown, request: Request) => Failure;
}

/** The two posts. They count their requests themselves, and their promises never reject. */
export interface Posts {
  one(request: Request, name: string): Promise<Response>;
  many(request: Request): Promise<Response>;
}

/**
 * The hot path: each post does in one function what elsewhere is middleware's work, counting too, since two middlewares
 * cost 6 us a request, where the whole of it costs some 30. `routes` are the patterns that they are counted under.
 */
export function createPosts(options: PostOptions, routes: { one: string; many: string }): Posts {
  const { publisher, types, limits, admission, requests, answers, onRefused, recover } = options;
  const byName = new Map(types.map((type) => [type.name, type]));
  const names = [...byName.keys()];
  const oneTally = requests.route(routes.one);
  const manyTally = requests.route(routes.many);
  const prefer = (request: Request): Preference =>
    readPrefer(request.headers.get("prefer"), options.wait, options.longestWait);

  function refused(error: Failure, type?: EventType): Response {
    onRefused(error, type);
    return answers.problem(error);
  }

  const keyed = createKeyedAnswers(options.idempotency, answers, refused);

  /** The core has a copy of what it took. What waits for the disk is there once more, until it is answered. */
  function release<Taken extends object>(taking: Taken, body: Uint8Array, entry: Entry): Taken {
    if ("status" in taking && taking.status === "refused") return taking;
    freeBytes(body);
    if (!options.writing()) admission.taken(entry);
    return taking;
  }

  const tellOne =
    (applied: Preference["applied"]) =>
    (outcome: Receipt): Response => {
      if (outcome.status === "failed") return answers.problem(outcome.error, outcome.id);
      if (outcome.status === "delivered") return answers.json(201, outcome, applied);
      return answers.json(202, outcome, applied, locationOf(outcome.id));
    };

  const tellMany =
    (applied: Preference["applied"]) =>
    (outcome: SettledBatch): Response => {
      if (Array.isArray(outcome))
        return answers.json(batchStatus(outcome), { receipts: outcome.map(toWire) }, applied);
      if (outcome.status === "delivered") return answers.rendered(200, outcome.json, applied);
      return answers.problem(outcome.error);
    };

  async function answerOne(request: Request, name: string, entry: Entry): Promise<Response> {
    const foreign = options.originCheck(request);
    if (foreign) return refused(foreign);
    const type = byName.get(name);
    if (type === undefined) return refused(unknownEvent(name, names));
    const mediaType = request.headers.get("content-type");
    if (!isJson(mediaType)) return refused(unsupported(mediaType, "application/json"));
    const body = await readBody(request, limits, (bytes) => admission.hold(entry, bytes));
    if ("code" in body) return refused(body);
    const { wait, applied } = prefer(request);
    const told = tellOne(applied);
    const respond = (outcome: Receipt | Refused): Response =>
      outcome.status === "refused"
        ? refused(explained(outcome, request, body, "single", entry), type)
        : told(outcome);
    const publish = (watch?: Watch<Receipt>) =>
      release(publisher.one(body, type, wait, request, watch), body, entry);
    const key = request.headers.get(KEY_HEADER);
    if (key === null) return respond(await publish());
    const tell = ([receipt]: Receipt[]) => told(receipt!);
    return keyed({ key, request, body, shape: "single", wait }, publish, { respond, told, tell });
  }

  async function answerMany(request: Request, entry: Entry): Promise<Response> {
    const foreign = options.originCheck(request);
    if (foreign) return refused(foreign);
    const mediaType = request.headers.get("content-type");
    const framing = framingOf(mediaType);
    if (framing === undefined)
      return refused(unsupported(mediaType, "application/json, application/x-ndjson"));
    const atomic = readAtomic(request.url);
    if (typeof atomic === "object") return refused(atomic);
    const body = await readBody(request, limits, (bytes) => admission.hold(entry, bytes));
    if ("code" in body) return refused(body);
    if (atomic) return answerAtomic(request, body, framing, entry);
    const { wait, applied } = prefer(request);
    const told = tellMany(applied);
    const respond = (outcome: BatchOutcome): Response =>
      "status" in outcome && outcome.status === "refused"
        ? refused(explained(outcome, request, body, framing, entry))
        : told(outcome);
    const publish = (watch?: Watch<SettledBatch>) =>
      release(publisher.many(body, framing, wait, request, watch), body, entry);
    const key = request.headers.get(KEY_HEADER);
    if (key === null) return respond(await publish());
    return keyed({ key, request, body, shape: framing, wait }, publish, { respond, told, tell: told });
  }

  async function answerAtomic(
    request: Request,
    body: Uint8Array,
    framing: Framing,
    entry: Entry,
  ): Promise<Response> {
    const preference = prefer(request);
    const wait = atomicWait(preference.wait, preference.applied !== undefined, options.longestWait);
    if (typeof wait === "object") return refused(wait);
    const respond = (outcome: AtomicOutcome): Response => {
      if (outcome.status === "delivered") return answers.rendered(200, outcome.json, preference.applied);
      if (outcome.status === "failed") return answers.problem(outcome.error);
      return refused(explained(outcome, request, body, framing, entry));
    };
    const key = request.headers.get(KEY_HEADER);
    if (key === null) return respond(await options.atomic.publish({ body, framing }, wait));
    const publish = async (watch?: Watch<Exclude<AtomicOutcome, Refused>>) => {
      const outcome = await options.atomic.publish({ body, framing }, wait);
      if (outcome.status !== "refused") watch?.settled(outcome);
      return outcome;
    };
    return keyed({ key, request, body, shape: framing, wait }, publish, { respond, told: respond });
  }

  /** Why nothing was taken. The body, which may have to be read for that once more, is freed. */
  function explained(
    { error }: Refused,
    request: Request,
    body: Uint8Array,
    shape: BodyShape,
    entry: Entry,
  ): Failure {
    const why =
      error.code === "admission-closed" ? admission.refusal(entry) : reason(error, request, body, shape);
    freeBytes(body);
    return why;
  }

  /** The scanner does not say what is invalid. A body that it refused without a reason is a fault of ours. */
  function reason(error: Failure, request: Request, body: Uint8Array, shape: BodyShape): Failure {
    if (error.code === "malformed-body") return encoded(request.headers.get("content-encoding")) ?? error;
    if (error.code !== "invalid-event") return error;
    return (
      explain(body, shape, names) ??
      failure("internal", "the scanner refused what the schema takes; please report it")
    );
  }

  async function counted(
    tally: RouteTally,
    request: Request,
    entry: Entry,
    answer: Promise<Response>,
  ): Promise<Response> {
    const start = performance.now();
    let response: Response;
    try {
      response = await answer;
    } catch (error) {
      response = answers.problem(recover(error, request));
    }
    admission.leave(entry);
    requests.answered(tally, "POST", response.status, start, performance.now());
    return response;
  }

  return {
    one(request, name) {
      const entry = admission.enter("event");
      return counted(oneTally, request, entry, answerOne(request, name, entry));
    },
    many(request) {
      const entry = admission.enter("batch");
      return counted(manyTally, request, entry, answerMany(request, entry));
    },
  };
}

function unknownEvent(name: string, names: string[]): Failure {
  return failure(
    "unknown-event",
    `no event "${name}" is configured; allowed: ${names.join(", ")} (EVENT_TYPES adds more)`,
  );
}

/** 202 where nothing was waited for, 200 where all went well, 207 where each receipt has to be read. */
function batchStatus(receipts: readonly Receipt[]): number {
  if (receipts.some(({ status }) => status === "failed")) return 207;
  return receipts.some(({ status }) => status !== "delivered") ? 202 : 200;
}
