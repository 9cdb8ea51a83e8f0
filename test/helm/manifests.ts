import { renderText } from "../helpers/helm.ts";

const KAFKA = { brokers: "kafka-0.kafka:9092,kafka-1.kafka:9092" };
const named = (name: string) => ({
  fullnameOverride: name,
  nameOverride: name,
  test: { enabled: false },
});

interface Example {
  /** What stands above the manifests. */
  head: string;
  values: object;
}

/** The files of k8s/, each an example with the chart's values that make it. */
export const EXAMPLES: Record<string, Example> = {
  "sidecar.yaml": {
    head: "An application with sidepost beside it. Replace the image, the brokers and APP_NAME; the application posts to\nhttp://127.0.0.1:8080/api/v1/events/user.",
    values: {
      ...named("shop"),
      kafka: KAFKA,
      app: { name: "shop", image: "shop:1.0.0", ports: [{ name: "http", containerPort: 3000 }] },
      env: { APP_NAME: "shop", APP_ENV: "production" },
      spool: { mode: "overflow", maxBytes: "512MiB" },
      replicas: 2,
    },
  },
  "job.yaml": {
    head: "A Job that posts, and completes when its own container does: sidepost is told to stop after that, and what was\nposted in the last moment is in Kafka.",
    values: {
      ...named("report"),
      kind: "Job",
      kafka: KAFKA,
      app: { name: "report", image: "report:1.0.0", args: ["--yesterday"] },
      env: { APP_NAME: "report", APP_ENV: "production" },
      job: { backoffLimit: 2 },
    },
  },
  "gateway.yaml": {
    head: "sidepost alone, for clients that have no sidecar. They post to http://sidepost:8080/api/v1/events/user. Whoever reaches it\ncan post, so the NetworkPolicy lets in the Pods of the namespace and no others.",
    values: {
      ...named("sidepost"),
      mode: "gateway",
      kafka: KAFKA,
      env: { APP_NAME: "shop", APP_ENV: "production" },
    },
  },
};

/** What is said above a line, where it first occurs in a Pod. */
const REMARKS: [RegExp, string][] = [
  [
    /^terminationGracePeriodSeconds:/,
    "What ends before sidepost is told to, SERVER_SHUTDOWN_TIMEOUT, and 5 s for the process. Less loses events.",
  ],
  [
    /^automountServiceAccountToken:/,
    "sidepost does not speak to the API server. Set it to true if the application does.",
  ],
  [
    /^initContainers:/,
    "With restartPolicy: Always it is a native sidecar (Kubernetes 1.29): it starts first, and ends last.",
  ],
  [
    /^startupProbe:/,
    "What comes after this container starts when Kafka was reached; without it, this one starts again after ten minutes.",
  ],
  [/^livenessProbe:/, "Fails only when nothing but a restart helps. Kafka being away is no such reason."],
  [/^readinessProbe:/, "Out of the Service while there is no room for more events."],
  [
    /^preStop:/,
    "The cluster needs a moment to forget the Pod's address. Kubernetes 1.30; leave it out before.",
  ],
  [/^sizeLimit:/, "Twice SPOOL_MAX_BYTES and 64Mi. Beyond it the Pod would be evicted."],
  [
    /^limits:/,
    "Events take what the memory limit leaves beside the process: 144Mi of 256Mi, 114Mi with a spool.",
  ],
];

/** The manifests of an example, as they stand in k8s/. */
export async function manifest({ head, values }: Example): Promise<string> {
  const text = await renderText(values);
  const lines = text
    .split("\n")
    .filter((line) => !/^# Source: |^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): /.test(line));
  const unsaid = [...REMARKS];
  const explained = lines.flatMap((line) => {
    const [, spaces = "", rest = ""] = /^( *)(.*)$/.exec(line) ?? [];
    const index = unsaid.findIndex(([pattern]) => pattern.test(rest));
    const [remark] = index === -1 ? [] : unsaid.splice(index, 1);
    return remark ? [`${spaces}# ${remark[1]}`, line] : [line];
  });
  const comment = head.replaceAll(/^/gm, "# ");
  return `${comment}\n# Made from helm/ by \`bun run chart\`.\n${explained.join("\n").trimEnd()}\n`;
}
