import * as v from "valibot";
import { render } from "../helpers/helm.ts";

const Rule = v.strictObject({
  alert: v.string(),
  expr: v.string(),
  for: v.pipe(v.string(), v.regex(/^\d+[smh]$/)),
  labels: v.strictObject({ severity: v.picklist(["critical", "warning"]) }),
  annotations: v.strictObject({
    summary: v.string(),
    description: v.string(),
    runbook_url: v.optional(v.string()),
  }),
});
const PrometheusRule = v.object({
  kind: v.literal("PrometheusRule"),
  spec: v.object({ groups: v.array(v.object({ name: v.string(), rules: v.array(Rule) })) }),
});

export type Rule = v.InferOutput<typeof Rule>;

/** The labels that a Pod's series get from the chart's PodMonitor. */
export const LABELS = { namespace: "team", job: "shop-sidepost", pod: "shop-0" };

/** The least values that render. */
export const BASE = { kafka: { brokers: "kafka:9092" }, app: { image: "app" } };

/** The groups of the PrometheusRule that the chart renders with these `alerts` values. */
export async function ruleGroups(alerts: Record<string, unknown> = {}) {
  const manifests = await render({ ...BASE, alerts: { enabled: true, ...alerts } });
  return v.parse(
    PrometheusRule,
    manifests.find(({ kind }) => kind === "PrometheusRule"),
  ).spec.groups;
}

/** Its rules. */
export const alertRules = async (alerts?: Record<string, unknown>): Promise<Rule[]> =>
  (await ruleGroups(alerts)).flatMap(({ rules }) => rules);
