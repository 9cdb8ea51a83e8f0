import { join } from "node:path";
import { withChartSchema } from "../../src/config/helm.ts";
import { CHART } from "../helpers/helm.ts";
import { MONITORING, withAlerts } from "./alert-docs.ts";
import { withValuesTable } from "./chart-readme.ts";
import { EXAMPLES, manifest } from "./manifests.ts";

// Writes what is made from the configuration and from the chart: the schema's part of the variables, the README's table
// of values, the alerts in docs/monitoring.md, and k8s/.

const K8S = join(import.meta.dir, "../../k8s");

await rewrite(join(CHART, "values.schema.json"), withChartSchema);
const values = await Bun.file(join(CHART, "values.yaml")).text();
await rewrite(join(CHART, "README.md"), (readme) => withValuesTable(readme, values));
const alerts = await Bun.file(join(CHART, "files/alerts.yaml")).text();
await rewrite(MONITORING, (page) => withAlerts(page, alerts, values));
for (const [name, example] of Object.entries(EXAMPLES))
  await Bun.write(join(K8S, name), await manifest(example));

async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const file = Bun.file(path);
  await file.write(change(await file.text()));
}
