import * as v from "valibot";

const Target = v.object({ refId: v.string(), expr: v.string(), legendFormat: v.string() });
const Step = v.object({ color: v.string(), value: v.nullable(v.number()) });
const Panel = v.object({
  id: v.number(),
  type: v.picklist(["row", "stat", "timeseries"]),
  title: v.string(),
  description: v.optional(v.string()),
  gridPos: v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() }),
  targets: v.optional(v.array(Target), []),
  fieldConfig: v.optional(
    v.object({
      defaults: v.object({
        unit: v.string(),
        min: v.optional(v.number()),
        max: v.optional(v.number()),
        decimals: v.optional(v.number()),
        thresholds: v.optional(v.object({ steps: v.array(Step) })),
        custom: v.optional(
          v.object({
            fillOpacity: v.number(),
            scaleDistribution: v.optional(v.object({ type: v.string() })),
          }),
        ),
      }),
    }),
  ),
});
const Variable = v.object({ name: v.string(), type: v.string() });
const Dashboard = v.object({
  uid: v.string(),
  title: v.string(),
  templating: v.object({ list: v.array(Variable) }),
  panels: v.array(Panel),
});

export type Panel = v.InferOutput<typeof Panel>;
export type Dashboard = v.InferOutput<typeof Dashboard>;

/** Reads what is used here of a Grafana dashboard. Throws where it is none. */
export const readDashboard = (json: string): Dashboard =>
  v.parse(v.pipe(v.string(), v.parseJson(), Dashboard), json);

/** An expression as Grafana sends it, with these values for its variables. Throws where one has none. */
export const interpolate = (expr: string, variables: Record<string, string>): string =>
  expr.replace(/\$(\w+)/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`$${name} is no variable of the dashboard`);
    return value;
  });
