import { POSTER, SIDEPOST } from "./images.ts";
import type { Place } from "./world.ts";

/** A poster as the container of a Pod; its environment is in ./poster.ts. */
export const poster = (env: Record<string, string | number>) => ({
  name: "app",
  image: POSTER,
  imagePullPolicy: "Never",
  env: Object.entries(env).map(([name, value]) => ({ name, value: String(value) })),
  resources: { requests: { cpu: "10m" } },
});

export const imageValues = (tag: string = SIDEPOST.tag) => ({
  image: { repository: SIDEPOST.repository, tag, pullPolicy: "Never" },
});

/** Values of the chart: the image under test, on the place's topic and network. */
export const sidepostValues = (place: Place, env: Record<string, string> = {}) => ({
  ...imageValues(),
  kafka: { brokers: place.network.brokers },
  env: { KAFKA_TOPIC: place.name, LOG_SAMPLE: "1", ...env },
  // Many Pods share two cores here; what they use is the same.
  resources: { requests: { cpu: "10m", memory: "128Mi" }, limits: { memory: "256Mi" } },
  appStopSeconds: 10,
});

/** The same and `values` over it, as an input for `--values -`. */
export function valuesFor(
  place: Place,
  { env, ...values }: Record<string, unknown> & { env?: Record<string, string> },
): string {
  return JSON.stringify({ ...sidepostValues(place, env), ...values });
}
