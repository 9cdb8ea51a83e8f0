import { metricsOf, post } from "../e2e/support.ts";
import type { Family } from "../helpers/exposition.ts";
import { startSidepost } from "../helpers/process.ts";

/** The series that a running program shows, to take names and labels from. */
export interface Exposed {
  /**
   * All labels of a series of this name that has these. A metric that the program knows and that has no value here (a limit,
   * where there is none) is found without labels. Throws where the program has no such.
   */
  labels(name: string, some?: Record<string, string>): Record<string, string>;
  /** The upper bounds of a histogram. */
  bounds(name: string): string[];
}

/** What the program shows after its first post and its first scrape. */
export async function programMetrics(): Promise<Exposed> {
  await using sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded" } });
  await post(sidepost, "/user", { data: {} });
  await metricsOf(sidepost);
  return exposed(await metricsOf(sidepost));
}

function exposed(families: Map<string, Family>): Exposed {
  function all(name: string): Record<string, string>[] {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
    const keys = [...(family?.samples.keys() ?? [])].filter((key) => key.replace(/\{.*/, "") === name);
    if (family === undefined || (keys.length === 0 && family.samples.size > 0))
      throw new Error(`the program has no metric ${name}`);
    return keys.length === 0 ? [{}] : keys.map(labelsIn);
  }
  return {
    labels(name, some = {}) {
      const found = all(name).find((each) =>
        Object.entries(some).every(([label, value]) => each[label] === value),
      );
      if (found === undefined) throw new Error(`the program has no ${name} with ${JSON.stringify(some)}`);
      return found;
    },
    bounds: (name) => [...new Set(all(`${name}_bucket`).map(({ le }) => le!))],
  };
}

const labelsIn = (key: string): Record<string, string> =>
  Object.fromEntries(
    [...key.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label!, value!]),
  );
