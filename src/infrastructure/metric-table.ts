import { readdirSync } from "node:fs";
import { type ErrorCode, ERROR_KINDS } from "../domain/errors.ts";
import type { ProducerStatus } from "../domain/ports.ts";
import type { AdmissionStatus } from "../usecase/admission.ts";
import type { Histogram } from "../usecase/histogram.ts";
import type { MethodTally, RequestTally } from "../usecase/request-tally.ts";
import type { Tally, TypeTally } from "../usecase/tally.ts";

/** Where the figures come from; all of it is read anew for each scrape. */
export interface MetricSources {
  tally: Tally;
  requests: RequestTally;
  status: () => ProducerStatus;
  /** Transactional clients that were replaced by another. */
  renewals: () => number;
  /** What is on disk; zeros without a spool. */
  spool: () => { records: number; bytes: number };
  /** Bytes of memory and of the spool, where they are limited, and cores. */
  limits: { memory: number | undefined; cpu: number; spool: number | undefined };
  admission: () => AdmissionStatus;
  ready: () => boolean;
  draining: () => boolean;
  batchSizes: Histogram;
  eventLoopLag: Histogram;
  uncaughtErrors: () => number;
  idempotency: () => { keys: number; bytes: number };
  /** Labels of sidepost_info. */
  info: { version: string; librdkafka: string; app: string; app_version: string };
}

/** A metric: how it is called, and how it is read. */
export interface Metric {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  samples: (sources: MetricSources) => Sample[];
}

/** One line of the exposition; `suffix` is what a histogram appends to its name. */
export interface Sample {
  value: number;
  labels?: Record<string, string | number>;
  suffix?: "_bucket" | "_sum" | "_count";
}

/** What a delivery can fail with. These exist from the start, so that an alert has a zero to rise from. */
const DELIVERY_CODES = new Set<ErrorCode>([
  "kafka-unavailable",
  "kafka-rejected",
  "unknown-topic",
  "forbidden-topic",
  "event-too-large",
  "delivery-timeout",
  "delivery-abandoned",
  "internal",
]);

const CODES = Object.keys(ERROR_KINDS) as ErrorCode[];

/**
 * All metrics. Those of the process stand here, and not prom-client's default ones: on Bun these claim a version of
 * Node.js and V8 heap spaces that do not exist, and watch the event loop at 10 ms.
 */
export const METRICS: readonly Metric[] = [
  {
    name: "http_requests_total",
    help: "HTTP requests answered.",
    type: "counter",
    samples: ({ requests }) =>
      eachMethod(requests, (labels, { statuses }) =>
        [...statuses].map(([status, value]) => ({ value, labels: { ...labels, status } })),
      ),
  },
  {
    name: "http_request_duration_seconds",
    help: "Time from the arrival of an HTTP request to its answer.",
    type: "histogram",
    samples: ({ requests }) => eachMethod(requests, (labels, { seconds }) => histogram(seconds, labels)),
  },
  {
    name: "producer_events_accepted_total",
    help: "Events taken for delivery.",
    type: "counter",
    samples: eachType(({ accepted }, labels) => [{ value: accepted, labels }]),
  },
  {
    name: "producer_events_published_total",
    help: "Events that Kafka has confirmed.",
    type: "counter",
    samples: eachType(({ published }, labels) => [{ value: published, labels }]),
  },
  {
    name: "producer_events_failed_total",
    help: "Events that were taken and not delivered.",
    type: "counter",
    samples: eachType(({ failedBy }, labels) =>
      CODES.filter((code) => DELIVERY_CODES.has(code) || failedBy[code] > 0).map((code) => ({
        value: failedBy[code],
        labels: { ...labels, code },
      })),
    ),
  },
  {
    name: "producer_events_rejected_total",
    help: "Events refused before anything was taken.",
    type: "counter",
    samples: ({ tally }) => CODES.map((code) => ({ value: tally.rejectedBy[code], labels: { code } })),
  },
  {
    name: "producer_events_lost_total",
    help: "Events promised and not delivered, or given up at shutdown; they are counted as failed, too.",
    type: "counter",
    samples: ({ tally }) => [{ value: tally.lostTotal }],
  },
  {
    name: "producer_publish_duration_seconds",
    help: "Time from taking an event to its confirmation by Kafka.",
    type: "histogram",
    samples: eachType(({ publishSeconds }, labels) => histogram(publishSeconds, labels)),
  },
  {
    name: "producer_batch_size",
    help: "Records in the batches sent to Kafka; buckets are estimated from quantiles.",
    type: "histogram",
    samples: ({ batchSizes }) => histogram(batchSizes),
  },
  {
    name: "producer_retries_total",
    help: "Produce requests sent again.",
    type: "counter",
    samples: ({ status }) => [{ value: status().retries }],
  },
  {
    name: "producer_renewals_total",
    help: "Kafka clients that had failed for good and were replaced.",
    type: "counter",
    samples: ({ renewals, status }) => [
      { value: status().renewals, labels: { kind: "idempotent" } },
      { value: renewals(), labels: { kind: "transactional" } },
    ],
  },
  {
    name: "producer_queue_messages",
    help: "Events taken and neither delivered nor failed.",
    type: "gauge",
    samples: ({ status }) => [{ value: status().queuedRecords }],
  },
  {
    name: "producer_queue_bytes",
    help: "Memory of the events taken and neither delivered nor failed.",
    type: "gauge",
    samples: ({ status }) => [{ value: status().queuedBytes }],
  },
  {
    name: "producer_spool_events",
    help: "Events on disk that are not settled.",
    type: "gauge",
    samples: ({ spool }) => [{ value: spool().records }],
  },
  {
    name: "producer_spool_bytes",
    help: "Bytes on disk that count against SPOOL_MAX_BYTES.",
    type: "gauge",
    samples: ({ spool }) => [{ value: spool().bytes }],
  },
  {
    name: "producer_spool_limit_bytes",
    help: "The most that these may be (SPOOL_MAX_BYTES); missing without a spool.",
    type: "gauge",
    samples: ({ limits }) => whereKnown(limits.spool),
  },
  {
    name: "producer_events_replayed_total",
    help: "Events that were read from disk and are in Kafka; they are counted as published, too.",
    type: "counter",
    samples: ({ tally }) => [{ value: tally.replayedTotal }],
  },
  {
    name: "producer_admission_bytes",
    help: "Memory that events, requests under way and keys hold of the budget.",
    type: "gauge",
    samples: ({ admission }) => {
      const { queuedBytes, requestBytes } = admission();
      return [{ value: queuedBytes + requestBytes }];
    },
  },
  {
    name: "producer_admission_limit_bytes",
    help: "The budget: beyond it posts are refused.",
    type: "gauge",
    samples: ({ admission }) => [{ value: admission().limitBytes }],
  },
  {
    name: "producer_admission_open",
    help: "1 while there is room; 0 from 95 % of the budget until a fifth is free again.",
    type: "gauge",
    samples: ({ admission }) => [{ value: Number(admission().open) }],
  },
  {
    name: "producer_outage_seconds_to_full",
    help: "How long the budget lasts at the present intake if Kafka takes nothing; +Inf when nothing comes in.",
    type: "gauge",
    samples: ({ admission }) => [{ value: admission().secondsToFull }],
  },
  {
    name: "producer_brokers_up",
    help: "Kafka brokers with a connection.",
    type: "gauge",
    samples: ({ status }) => [{ value: status().brokersUp }],
  },
  {
    name: "producer_brokers_known",
    help: "Kafka brokers the client knows of.",
    type: "gauge",
    samples: ({ status }) => [{ value: status().brokersKnown }],
  },
  {
    name: "producer_idempotency_keys",
    help: "Idempotency-Keys in memory.",
    type: "gauge",
    samples: ({ idempotency }) => [{ value: idempotency().keys }],
  },
  {
    name: "producer_idempotency_bytes",
    help: "Bytes of memory that Idempotency-Keys and the answers to them take.",
    type: "gauge",
    samples: ({ idempotency }) => [{ value: idempotency().bytes }],
  },
  {
    name: "producer_event_loop_lag_seconds",
    help: "Lateness of a timer that runs twice a second.",
    type: "histogram",
    samples: ({ eventLoopLag }) => histogram(eventLoopLag),
  },
  {
    name: "producer_uncaught_errors_total",
    help: "Faults of sidepost outside of any request; the log has each.",
    type: "counter",
    samples: ({ uncaughtErrors }) => [{ value: uncaughtErrors() }],
  },
  {
    name: "producer_ready",
    help: "1 while events can be accepted.",
    type: "gauge",
    samples: ({ ready }) => [{ value: Number(ready()) }],
  },
  {
    name: "producer_draining",
    help: "1 from the start of the shutdown on.",
    type: "gauge",
    samples: ({ draining }) => [{ value: Number(draining()) }],
  },
  {
    name: "sidepost_info",
    help: "What runs here.",
    type: "gauge",
    samples: ({ info }) => [{ value: 1, labels: info }],
  },
  {
    name: "process_cpu_seconds_total",
    help: "User and system CPU time of the process.",
    type: "counter",
    samples: () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / 1e6 }];
    },
  },
  {
    name: "process_cpu_limit_cores",
    help: "Cores that the process may use: the machine's, or those of its container's limit.",
    type: "gauge",
    samples: ({ limits }) => [{ value: limits.cpu }],
  },
  {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process.",
    type: "gauge",
    samples: () => [{ value: process.memoryUsage.rss() }],
  },
  {
    name: "process_memory_limit_bytes",
    help: "Memory that the container may take; missing where there is no limit.",
    type: "gauge",
    samples: ({ limits }) => whereKnown(limits.memory),
  },
  {
    name: "process_start_time_seconds",
    help: "When the process started, since the epoch.",
    type: "gauge",
    samples: () => [{ value: performance.timeOrigin / 1000 }],
  },
  {
    name: "process_open_fds",
    help: "Open file descriptors; Linux only.",
    type: "gauge",
    samples: () => openDescriptors(),
  },
];

const whereKnown = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ value }]);

/** The lines of one histogram: cumulative buckets, sum and count. */
function histogram({ bounds, counts, sum }: Histogram, labels: Sample["labels"] = {}): Sample[] {
  let count = 0;
  const buckets = [...bounds, "+Inf"].map((le, slot): Sample => {
    count += counts[slot]!;
    return { suffix: "_bucket", value: count, labels: { ...labels, le } };
  });
  return [...buckets, { suffix: "_sum", value: sum, labels }, { suffix: "_count", value: count, labels }];
}

type TypeSamples = (type: TypeTally, labels: { type: string }) => Sample[];

function eachType(samples: TypeSamples): Metric["samples"] {
  return ({ tally }) => tally.types.flatMap((type) => samples(type, { type: type.type }));
}

type MethodSamples = (labels: { method: string; route: string }, requests: MethodTally) => Sample[];

function eachMethod(requests: RequestTally, samples: MethodSamples): Sample[] {
  return requests.routes.flatMap(({ route, methods }) =>
    [...methods].flatMap(([method, tally]) => samples({ method, route }, tally)),
  );
}

/** Without the descriptor that reads the directory. */
function openDescriptors(): Sample[] {
  if (process.platform !== "linux") return [];
  return [{ value: readdirSync("/proc/self/fd").length - 1 }];
}
