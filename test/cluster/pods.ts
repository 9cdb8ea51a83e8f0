import * as v from "valibot";
import { waitUntil } from "../helpers/wait.ts";
import type { Place } from "./world.ts";

const State = v.object({
  waiting: v.optional(v.object({ reason: v.string() })),
  running: v.optional(v.object({ startedAt: v.string() })),
  terminated: v.optional(
    v.object({ reason: v.optional(v.string()), exitCode: v.number(), finishedAt: v.string() }),
  ),
});
const Container = v.object({
  name: v.string(),
  containerID: v.optional(v.string()),
  ready: v.boolean(),
  started: v.optional(v.boolean(), false),
  restartCount: v.number(),
  state: State,
  lastState: State,
});
const Pod = v.object({
  metadata: v.object({ name: v.string(), uid: v.string(), deletionTimestamp: v.optional(v.string()) }),
  status: v.object({
    phase: v.string(),
    podIP: v.optional(v.string()),
    initContainerStatuses: v.optional(v.array(Container), []),
    containerStatuses: v.optional(v.array(Container), []),
  }),
});
export type Pod = v.InferOutput<typeof Pod>;
export type Container = v.InferOutput<typeof Container>;

const PATIENCE_MS = 90_000;
const POLL_MS = 300;

/** The Pods of the namespace, those that are ending too. */
const podsOf = async (place: Place): Promise<Pod[]> =>
  (await place.get(v.object({ items: v.array(Pod) }), "pods")).items;

/** The container of a Pod by its name, wherever it stands. */
export function containerOf({ metadata, status }: Pod, name: string): Container {
  const found = [...status.initContainerStatuses, ...status.containerStatuses].find(
    (each) => each.name === name,
  );
  if (found === undefined) throw new Error(`the Pod ${metadata.name} has no container ${name}`);
  return found;
}

/** The Pods of the namespace, as soon as `are` says so. Throws with the last state after 90 s. */
export async function podsThat(place: Place, are: (pods: Pod[]) => boolean, what: string): Promise<Pod[]> {
  let last: Pod[] = [];
  const check = async () => {
    last = await podsOf(place);
    if (are(last)) return last;
    await Bun.sleep(POLL_MS);
    return undefined;
  };
  return waitUntil(check, PATIENCE_MS, () => new Error(`no Pods that are ${what}: ${JSON.stringify(last)}`));
}

/** The one Pod of the namespace, once its containers are known and `is` says so. Throws as {@link podsThat} does. */
export async function onePod(place: Place, is: (pod: Pod) => boolean, what: string): Promise<Pod> {
  const isSo = (pod: Pod) => pod.status.containerStatuses.length > 0 && is(pod);
  const [pod] = await podsThat(place, (pods) => pods.length === 1 && pods.every(isSo), what);
  return pod!;
}

/** Ends a workload's Pods as an update would, and resolves when they are gone. */
export async function endPods(place: Place, workload = "deployment/app-sidepost"): Promise<void> {
  await place.kubectl(["scale", workload, "--replicas=0"]);
  await place.kubectl(["wait", "--for=delete", "pod", "--all", "--timeout=90s"]);
}
