import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";

export const CHART = join(import.meta.dir, "../../helm");

/** The newest Kubernetes that the chart is rendered for, unless a test says otherwise. */
export const NEWEST = "1.34.0";

/** The folder of the test cluster's programs, packed. */
export const kube = () => process.env["SIDEPOST_KUBE"] ?? join(import.meta.dir, "../../../shared/kube");

let found: Promise<string | undefined> | undefined;

/** The path of `helm`: that of PATH, or else the test cluster's, unpacked into the cache; undefined where there is neither. */
export const findHelm = (): Promise<string | undefined> => (found ??= find());

async function find(): Promise<string | undefined> {
  const ofPath = Bun.which("helm");
  if (ofPath !== null) return ofPath;
  const packed = join(kube(), "helm.zst");
  if (!existsSync(packed)) return undefined;
  const folder = join(homedir(), ".cache/sidepost");
  const name = Bun.hash(
    await Bun.file(packed)
      .stat()
      .then(({ size, mtimeMs }) => `${size} ${mtimeMs}`),
  );
  const unpacked = join(folder, `helm-${name.toString(16)}`);
  if (existsSync(unpacked)) return unpacked;
  mkdirSync(folder, { recursive: true });
  // Under a name of its own first: other test files may be at it, too.
  const partial = `${unpacked}.${process.pid}`;
  await Bun.write(partial, Bun.zstdDecompressSync(await Bun.file(packed).bytes()));
  chmodSync(partial, 0o755);
  renameSync(partial, unpacked);
  return unpacked;
}

export const NO_HELM =
  "helm is missing: put it on the PATH, or name the folder of the test cluster in SIDEPOST_KUBE";

/** Runs helm, with `input` on its stdin. Its exit code is not looked at. Throws where there is no helm. */
export async function helm(args: string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  const program = await findHelm();
  if (program === undefined) throw new Error(NO_HELM);
  // No cluster of the machine's user is asked.
  const env = { ...process.env, KUBECONFIG: "/dev/null", HELM_NAMESPACE: "team" };
  const child = Bun.spawn([program, ...args], { env, stdin: new Blob([input]), stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

const Manifest = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({ name: v.string() }),
});
export type Manifest = v.InferOutput<typeof Manifest>;

export type Values = object;

export interface RenderOptions {
  chart?: string;
  kubeVersion?: string;
}

const texts = new Map<string, Promise<string>>();

/** The chart as text, release `shop` in the namespace `team`. Throws helm's words where it refuses the values. */
export function renderText(
  values: Values,
  { chart = CHART, kubeVersion = NEWEST }: RenderOptions = {},
): Promise<string> {
  // Many tests look at the same, and a run of helm takes a fifth of a second.
  const key = JSON.stringify([values, chart, kubeVersion]);
  const text = texts.get(key) ?? template(values, chart, kubeVersion);
  texts.set(key, text);
  return text;
}

async function template(values: Values, chart: string, kubeVersion: string): Promise<string> {
  const args = ["template", "shop", chart, "--kube-version", kubeVersion, "--values", "-"];
  const { code, out, err } = await helm(args, JSON.stringify(values));
  if (code !== 0) throw new Error(err);
  return out;
}

/** The chart's manifests, in the order that helm prints them. Throws helm's words where it refuses the values. */
export async function render(values: Values, options?: RenderOptions): Promise<Manifest[]> {
  const documents = [Bun.YAML.parse(await renderText(values, options))].flat();
  return v.parse(
    v.array(Manifest),
    documents.filter((document) => document !== null),
  );
}
