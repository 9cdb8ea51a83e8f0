/** The least values of each mode. */
export const SIDECAR = { app: { image: "shop:1" }, kafka: { brokers: "kafka-0:9092,kafka-1:9093" } };
export const GATEWAY = { mode: "gateway", kafka: SIDECAR.kafka };

/** Each kind of Pod that the chart makes. */
export const WORKLOADS = {
  "a Deployment": SIDECAR,
  "a StatefulSet": { ...SIDECAR, kind: "StatefulSet" },
  "a Job": { ...SIDECAR, kind: "Job" },
  "a CronJob": { ...SIDECAR, kind: "CronJob" },
  "a gateway": GATEWAY,
  "a gateway's StatefulSet": { ...GATEWAY, kind: "StatefulSet" },
};

export const eachWorkload = Object.entries(WORKLOADS);
