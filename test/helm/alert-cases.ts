import type { Exposed } from "./exposed.ts";

/** What is scraped of one series in twenty minutes, every 15 s, in promtool's notation. */
export type Seen = [name: string, values: string, labels?: Record<string, string>];

/** What an alert fires at, and what it must not fire at. */
export interface Cases {
  fires: Record<string, Seen[]>;
  silent: Record<string, Seen[]>;
}

/** The same value in all of the time. */
const always = (value: number | string): string => `${value}x80`;
/** So much more every 15 s. */
const rising = (step: number): string => `0+${step}x80`;
/** Scraped no more from minute `minute` on. */
const until = (minute: number, value: number | string): string => `${value}x${minute * 4 - 1} stale`;

const POST = { method: "POST", route: "/api/v1/events/:name" };
const KUBE = { namespace: "team", pod: "shop-0", container: "sidepost" };
const MIB = 1024 ** 2;

/** The cases of every alert; names and labels of histograms are the program's. */
export function alertCases({ bounds }: Pick<Exposed, "bounds">): Record<string, Cases> {
  /** 100 observations at a time, `slow` of them just above a bound of the histogram and the rest below all. */
  const observed = (name: string, slow: number, above: number, labels = {}): Seen[] =>
    bounds(name).map((le) => [
      `${name}_bucket`,
      rising(le === "+Inf" || Number(le) > above ? 100 : 100 - slow),
      { ...labels, le },
    ]);
  const failing = (failed: number): Seen[] => [
    ["producer_events_failed_total", rising(failed), { type: "user_created", code: "delivery-timeout" }],
    ["producer_events_published_total", rising(100 - failed), { type: "user_created" }],
  ];
  const filling = (brokers: number, held: number, seconds: number): Seen[] => [
    ["producer_outage_seconds_to_full", always(seconds)],
    ["producer_brokers_up", always(brokers)],
    ["producer_admission_bytes", always(held * MIB)],
    ["producer_admission_limit_bytes", always(100 * MIB)],
  ];
  const drained = (queued: number, brokers: number, last = until(15, 1)): Seen[] => [
    ["producer_queue_messages", until(15, queued)],
    ["producer_draining", last],
    ["producer_brokers_up", until(15, brokers)],
    ["sidepost_info", until(15, 1)],
  ];
  const terminated = (reason: string, values: string, kind = "init_container_status"): Seen[] => [
    ["sidepost_info", until(15, 1)],
    [`kube_pod_${kind}_terminated_reason`, values, { ...KUBE, reason }],
  ];
  const since12 = "_x48 1x32";

  return {
    SidepostEventsLost: {
      fires: { "one event": [["producer_events_lost_total", "0x60 1x20"]] },
      silent: {
        none: [["producer_events_lost_total", always(0)]],
        "some, long ago": [["producer_events_lost_total", "0x10 7x70"]],
      },
    },
    SidepostEventsLostAtDrain: {
      fires: {
        "the last scrape of a drain without a broker": drained(1, 0),
        "a native sidecar that ended with an error": terminated("Error", since12),
        "an ordinary container that was killed": terminated("OOMKilled", since12, "container_status"),
        "a container that was killed and started again": terminated(
          "OOMKilled",
          since12,
          "init_container_status_last",
        ),
      },
      silent: {
        "a drain that had nothing left": drained(0, 0),
        "a drain with a broker": drained(9, 1),
        "a drain with a spool": [...drained(9, 0), ["producer_spool_limit_bytes", until(15, MIB)]],
        "a drain that goes on": drained(9, 0, always(1)),
        "an end that was no drain": drained(9, 0, until(15, 0)),
        "a clean end": terminated("Completed", since12),
        "an end that is long ago": terminated("Error", always(1)),
        "a container of another Pod": [
          ["sidepost_info", until(15, 1)],
          [
            "kube_pod_init_container_status_terminated_reason",
            since12,
            { ...KUBE, pod: "other", reason: "Error" },
          ],
        ],
      },
    },
    SidepostAdmissionClosed: {
      fires: {
        closed: [["producer_admission_open", "1x70 0x10"]],
        "refused in between two scrapes": [
          ["producer_admission_open", always(1)],
          ["producer_events_rejected_total", rising(1), { code: "admission-closed" }],
        ],
        "a spool that takes nothing": [
          ["producer_events_rejected_total", rising(1), { code: "spool-unavailable" }],
        ],
      },
      silent: {
        "other refusals": [
          ["producer_admission_open", always(1)],
          ["producer_events_rejected_total", rising(9), { code: "invalid-event" }],
          ["producer_events_rejected_total", always(9), { code: "admission-closed" }],
        ],
        "closed for a moment": [["producer_admission_open", "1x77 0 1x2"]],
      },
    },
    SidepostBrokersUnavailable: {
      fires: { none: [["producer_brokers_up", "3x70 0x10"]] },
      silent: {
        one: [["producer_brokers_up", always(1)]],
        "none for half a minute": [["producer_brokers_up", "3x78 0x2"]],
      },
    },
    SidepostFullSoon: {
      fires: {
        "without a broker": filling(0, 10, 599),
        "with a broker that is too slow": filling(3, 51, 599),
      },
      silent: {
        "without a broker, and time enough": filling(0, 10, 601),
        "a broker that keeps up with much": filling(3, 10, 5),
        "nothing comes in": [
          ...filling(0, 10, 0).slice(1),
          ["producer_outage_seconds_to_full", always(1e12)],
        ],
        "a spool": [...filling(0, 90, 5), ["producer_spool_limit_bytes", always(MIB)]],
      },
    },
    SidepostPublishErrors: {
      fires: { "11 %": failing(11), "all of them": failing(100) },
      silent: {
        "9 %": failing(9),
        "nothing at all": failing(0).map(([name, , of = {}]) => [name, always(0), of]),
      },
    },
    SidepostSpoolFullSoon: {
      fires: { "in 50 minutes": spool(1, 200) },
      silent: {
        "in 70 minutes": spool(1, 280),
        "it shrinks": spool(-1, 1),
        "it is as it was": spool(0, 1),
      },
    },
    SidepostSpoolGrowing: {
      fires: { "by 1200 in 15 minutes": [["producer_spool_events", rising(20)]] },
      silent: {
        "by 600 in 15 minutes": [["producer_spool_events", rising(10)]],
        "on its way back": [["producer_spool_events", "0x20 90000-100x60"]],
        "nothing in it": [["producer_spool_events", always(0)]],
      },
    },
    SidepostHttpSlow: {
      fires: { "two in a hundred": observed("http_request_duration_seconds", 2, 2, POST) },
      silent: {
        "none in two hundred": observed("http_request_duration_seconds", 0.5, 2, POST),
        "all, by half a second": observed("http_request_duration_seconds", 100, 0.4, POST),
        "reads of the metrics": observed("http_request_duration_seconds", 100, 2, {
          method: "GET",
          route: "/metrics",
        }),
      },
    },
    SidepostMemoryHigh: {
      fires: { "91 of 100": memory(91) },
      silent: { "89 of 100": memory(89), "no limit": memory(91).slice(0, 1) },
    },
    SidepostCpuHigh: {
      fires: { "0.46 of half a core": cpu(0.46, 0.5) },
      silent: { "0.44 of half a core": cpu(0.44, 0.5), "1 of two": cpu(1, 2) },
    },
    SidepostEventLoopSlow: {
      fires: { "two in a hundred": observed("producer_event_loop_lag_seconds", 2, 0.25) },
      silent: {
        "none in two hundred": observed("producer_event_loop_lag_seconds", 0.5, 0.25),
        "all, by 50 ms": observed("producer_event_loop_lag_seconds", 100, 0.025),
      },
    },
    SidepostNotReady: {
      fires: { "for 6 minutes": ready("1x56 0x24", always(0)) },
      silent: {
        "for 4 minutes": ready("1x64 0x16", always(0)),
        "it drains": ready(always(0), always(1)),
        ready: ready(always(1), always(0)),
      },
    },
    SidepostRestarting: {
      fires: { "three times": [["process_start_time_seconds", "1x20 2x20 3x20 4x18"]] },
      silent: { twice: [["process_start_time_seconds", "1x20 2x20 3x40"]] },
    },
    SidepostDown: {
      fires: { "for 6 minutes": [["up", "1x56 0x24"]] },
      silent: { "for 4 minutes": [["up", "1x64 0x16"]], gone: [["up", until(5, 0)]] },
    },
  };
}

/** So many MiB more every 15 s, and so many left at the end. */
const spool = (step: number, room: number): Seen[] => [
  ["producer_spool_bytes", `${100 * MIB}${step < 0 ? "" : "+"}${step * MIB}x80`],
  ["producer_spool_limit_bytes", always((100 + 80 * step + room) * MIB)],
];
const memory = (share: number): Seen[] => [
  ["process_resident_memory_bytes", always(share * MIB)],
  ["process_memory_limit_bytes", always(100 * MIB)],
];
const cpu = (used: number, cores: number): Seen[] => [
  ["process_cpu_seconds_total", rising(15 * used)],
  ["process_cpu_limit_cores", always(cores)],
];
const ready = (isReady: string, draining: string): Seen[] => [
  ["producer_ready", isReady],
  ["producer_draining", draining],
];
