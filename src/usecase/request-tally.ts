import { createHistogram, type Histogram, observe } from "./histogram.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const OTHER = "other";

/** The requests of one route by method; a method appears with its first request. */
export interface RouteTally {
  readonly route: string;
  readonly methods: Map<string, MethodTally>;
}

export interface MethodTally {
  readonly statuses: Map<number, number>;
  readonly seconds: Histogram;
}

/** Where HTTP requests are counted. The labels are bounded: routes are given at creation, methods are known ones. */
export interface RequestTally {
  readonly routes: readonly RouteTally[];
  /** Resolves a route pattern, once and not per request. What was not given at creation counts as "other". */
  route(pattern: string): RouteTally;
  /** Counts a request that arrived at `start` and was answered at `end`, in milliseconds of one monotonic clock. */
  answered(route: RouteTally, method: string, status: number, start: number, end: number): void;
}

/** Starts counting at zero. `patterns` are the routes, such as "/api/v1/events/:name". */
export function createRequestTally(patterns: readonly string[]): RequestTally {
  const other: RouteTally = { route: OTHER, methods: new Map() };
  const byPattern = new Map(
    patterns.map((route): [string, RouteTally] => [route, { route, methods: new Map() }]),
  );

  return {
    routes: [...byPattern.values(), other],
    route: (pattern) => byPattern.get(pattern) ?? other,
    answered(route, method, status, start, end) {
      const cell = route.methods.get(method) ?? addMethod(route, method);
      cell.statuses.set(status, (cell.statuses.get(status) ?? 0) + 1);
      observe(cell.seconds, (end - start) / 1000);
    },
  };
}

function addMethod({ methods }: RouteTally, method: string): MethodTally {
  const label = (METHODS as readonly string[]).includes(method) ? method : OTHER;
  const cell = methods.get(label) ?? { statuses: new Map(), seconds: createHistogram() };
  methods.set(label, cell);
  return cell;
}
