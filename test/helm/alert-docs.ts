import { join } from "node:path";
import * as v from "valibot";

export const MONITORING = join(import.meta.dir, "../../docs/monitoring.md");

const Files = v.object({
  rules: v.array(v.object({ alert: v.string(), summary: v.string(), todo: v.string() })),
});
const Setting = v.object({ threshold: v.optional(v.number()), for: v.string(), severity: v.string() });
const Values = v.object({ alerts: v.object({ rules: v.record(v.string(), Setting) }) });

/** docs/monitoring.md with its table and sections of alerts made anew, of helm/files/alerts.yaml and helm/values.yaml. */
export function withAlerts(page: string, alerts: string, values: string): string {
  const { rules } = v.parse(Files, Bun.YAML.parse(alerts));
  const settings = v.parse(Values, Bun.YAML.parse(values)).alerts.rules;
  const head = ["| Alert | Severity | For | Threshold | Means |", "| --- | --- | --- | --- | --- |"];
  const rows = rules.map(({ alert, summary }) => {
    const { severity, for: duration, threshold } = settings[settingOf(alert)]!;
    const what = new RegExp(`# -- ${alert}\\. \`threshold\`: (.*)\n`).exec(values)?.[1] ?? "";
    const limit = threshold === undefined ? "" : `\`${threshold}\` ${what}`;
    return `| [${alert}](#${alert.toLowerCase()}) | ${severity} | ${duration} | ${limit} | ${summary} |`;
  });
  const sections = rules.map(({ alert, summary, todo }) => `### ${alert}\n\n${summary} ${todo}`);
  const text = [[...head, ...rows].join("\n"), ...sections].join("\n\n");
  return page.replace(
    /(<!-- alerts:begin -->\n).*(<!-- alerts:end -->)/s,
    (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`,
  );
}

/** The value of an alert's settings: `httpSlow` of SidepostHttpSlow. */
export const settingOf = (alert: string): string =>
  alert.replace(/^Sidepost(.)/, (_, first: string) => first.toLowerCase());
