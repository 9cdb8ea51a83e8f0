import * as v from "valibot";

// `bun test/helm/alert-docs.ts` writes what alerts there are into docs/monitoring.md.

const Files = v.object({
  rules: v.array(v.object({ alert: v.string(), summary: v.string(), todo: v.string() })),
});
const Setting = v.object({ threshold: v.optional(v.number()), for: v.string(), severity: v.string() });
const Values = v.object({ alerts: v.object({ rules: v.record(v.string(), Setting) }) });

const file = (path: string) => Bun.file(new URL(`../../${path}`, import.meta.url));

export const MONITORING = file("docs/monitoring.md");

/** The page with its table and sections of alerts made anew. */
export async function withAlerts(page: string): Promise<string> {
  const { rules } = v.parse(Files, Bun.YAML.parse(await file("helm/files/alerts.yaml").text()));
  const values = await file("helm/values.yaml").text();
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

if (import.meta.main) await MONITORING.write(await withAlerts(await MONITORING.text()));
