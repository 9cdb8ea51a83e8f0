import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_HELM } from "./helm.ts";

const SCRIPT = `
  const { findHelm, helm } = await import(${JSON.stringify(join(import.meta.dir, "helm.ts"))});
  console.log(await findHelm());
  console.log(await helm(["version"]).then(({ code }) => code, (error) => error.message));
`;

/** What a process finds that has these folders: [the path of helm, what running it gives]. */
async function found(env: Record<string, string>): Promise<string[]> {
  const child = Bun.spawn([process.execPath, "-e", SCRIPT], {
    env: { ...process.env, ...env },
    stderr: "inherit",
  });
  return (await child.stdout.text()).trimEnd().split("\n");
}

test("helm is that of the PATH, or is unpacked into the cache, and else the tests say what they need", async () => {
  const home = mkdtempSync(join(tmpdir(), "sidepost-helm-"));
  try {
    await Bun.write(join(home, "bin/helm"), "#!/bin/sh\n");
    chmodSync(join(home, "bin/helm"), 0o755);
    await Bun.write(join(home, "kube/helm.zst"), Bun.zstdCompressSync("#!/bin/sh\n"));
    const [ofPath, packed, neither] = await Promise.all([
      found({ HOME: home, PATH: `${home}/bin`, SIDEPOST_KUBE: join(home, "kube") }),
      found({ HOME: home, PATH: "", SIDEPOST_KUBE: join(home, "kube") }),
      found({ HOME: home, PATH: "", SIDEPOST_KUBE: "/nowhere" }),
    ]);
    expect(ofPath).toEqual([join(home, "bin/helm"), "0"]);
    expect(packed).toEqual([expect.stringMatching(/\/\.cache\/sidepost\/helm-[0-9a-f]+$/), "0"]);
    expect(existsSync(packed[0]!)).toBeTrue();
    expect(neither).toEqual(["undefined", NO_HELM]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
