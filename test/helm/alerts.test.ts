import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ensurePackages } from "../../src/native/packages.ts";
import { MINUTE } from "../e2e/support.ts";
import { CHART } from "../helpers/helm.ts";
import { PROMETHEUS } from "../helpers/needs.ts";
import { MONITORING, settingOf, withAlerts } from "./alert-docs.ts";
import { alertCases, type Cases, type Seen } from "./alert-cases.ts";
import { programMetrics } from "./exposed.ts";
import { checkRules, expectAlert, type Input } from "./promtool.ts";
import { alertRules, LABELS, ruleGroups } from "./rules.ts";
import { groupedBy, selectorsIn, seriesName, unselected } from "./selectors.ts";

setDefaultTimeout(MINUTE);

/** What Prometheus itself and kube-state-metrics show. */
const OTHERS = /^(up$|kube_pod_)/;

await ensurePackages([PROMETHEUS]);
const program = await programMetrics();
const groups = await ruleGroups();
const rules = await alertRules();
const cases = alertCases(program);
const NAMES = rules.map(({ alert }) => alert);

test("promtool can read the rules, and there are cases for each", async () => {
  await checkRules(groups);
  expect(Object.keys(cases).toSorted()).toEqual(NAMES.toSorted());
});

test.each(rules)("$alert reads what the program shows, and of its own release alone", ({ expr }) => {
  const selectors = selectorsIn(expr).filter(({ metric }) => !metric.startsWith("kube_pod_"));
  expect(selectors.length).toBeGreaterThan(0);
  expect(unselected(expr)).toEqual([]);
  const known = new Set(["namespace", "pod", "le"]);
  for (const { metric, matchers } of selectors) {
    const [namespace, job, ...own] = matchers;
    expect([namespace?.value, job?.value]).toEqual([LABELS.namespace, LABELS.job]);
    if (OTHERS.test(metric)) continue;
    for (const label of Object.keys(program.labels(metric))) known.add(label);
    for (const { label, operator, value } of own)
      for (const one of operator === "=~" ? value.split("|") : [value])
        program.labels(metric, { [label]: one });
  }
  expect(groupedBy(expr).filter((label) => !known.has(label))).toEqual([]);
});

test.each(rules)("$alert fires when it should, and else is silent", async (rule) => {
  const { fires, silent } = cases[rule.alert]!;
  const expected = (firing: boolean, of: Cases["fires"]) =>
    Object.entries(of).map(([name, seen]) => ({ name, input: seen.map(toInput), firing, time: "20m" }));
  expect([Object.keys(fires).length, Object.keys(silent).length]).not.toContain(0);
  await expectAlert(rule, [...expected(true, fires), ...expected(false, silent)]);
});

/** With all the labels that the program and its target have. */
function toInput([metric, values, labels = {}]: Seen): Input[number] {
  const all = OTHERS.test(metric) ? labels : program.labels(metric, labels);
  return [seriesName(metric, { ...LABELS, ...all }), values];
}

test("a metric, a label or a value that the program does not have is no case", () => {
  expect(() => program.labels("producer_events")).toThrow("no metric producer_events");
  expect(() => program.labels("producer_events_failed_total", { kind: "x" })).toThrow('{"kind":"x"}');
  expect(() => program.labels("producer_events_failed_total", { code: "x" })).toThrow('{"code":"x"}');
});

test("an alert waits as long as its `for` says", async () => {
  const input: Input = [[seriesName("producer_brokers_up", LABELS), "1x20 0x60"]];
  const patient = await alertRules({ rules: { brokersUnavailable: { for: "10m" } } });
  await expectAlert(
    patient.find(({ alert }) => alert === "SidepostBrokersUnavailable")!,
    [
      { name: "before", input, firing: false, time: "15m" },
      { name: "after", input, firing: true, time: "15m30s" },
    ],
  );
});

test("each threshold is a value", async () => {
  const thresholds = rules.flatMap(({ alert, expr }) => (/[<>] [\d.]+$/m.test(expr) ? [alert] : []));
  const settings = thresholds.map((name) => [settingOf(name), { threshold: 12345 }]);
  const changed = await alertRules({ rules: Object.fromEntries(settings) });
  for (const name of thresholds)
    expect(changed.find(({ alert }) => alert === name)?.expr).toMatch(/[<>] 12345$/m);
  expect(thresholds.length).toBe(12);
});

test("an alert can be left out, and be as severe as its value says", async () => {
  const changed = await alertRules({
    rules: { down: { enabled: false }, notReady: { severity: "critical" } },
  });
  expect(changed.map(({ alert }) => alert)).toEqual(NAMES.filter((name) => name !== "SidepostDown"));
  const notReady = changed.find(({ alert }) => alert === "SidepostNotReady");
  expect(notReady?.labels.severity).toBe("critical");
});

test("an alert has a runbook where there is a page of them", async () => {
  expect(rules.map(({ annotations }) => annotations.runbook_url)).toEqual(rules.map(() => undefined));
  const changed = await alertRules({ runbookUrl: "https://example.com/monitoring.md" });
  expect(changed[0]?.annotations.runbook_url).toBe("https://example.com/monitoring.md#sideposteventslost");
});

test("rules can go by other labels than those of the chart's monitors", async () => {
  for (const { expr } of await alertRules({ selector: 'app="checkout"' }))
    for (const { metric, matchers } of selectorsIn(expr))
      if (!metric.startsWith("kube_pod_"))
        expect(matchers[0]).toMatchObject({ label: "app", value: "checkout" });
});

test("the documentation has each alert, with its values and what to do (`bun run chart` writes it)", async () => {
  const [page, alerts, values] = await Promise.all(
    [MONITORING, join(CHART, "files/alerts.yaml"), join(CHART, "values.yaml")].map((path) =>
      Bun.file(path).text(),
    ),
  );
  const plain = (markdown: string) => markdown.replace(/[ \n|-]+/g, " ");
  expect(plain(page!)).toBe(plain(withAlerts(page!, alerts!, values!)));
  for (const name of NAMES) expect(page).toContain(`### ${name}\n`);
});
