import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "../../src/native/packages.ts";
import { run } from "../../src/native/toolchain.ts";
import { kube } from "../helpers/helm.ts";

/** A one-node Kubernetes on this machine. Disposing of it, or the end of this process, ends all of it. */
export interface Kubernetes extends AsyncDisposable {
  /** kubeconfig, and binaries in bin. */
  folder: string;
  /** Makes an image of an archive one that Pods can run. */
  load(archive: string): Promise<void>;
  /** Gives an image that was loaded another name, too. */
  tag(image: string, name: string): Promise<void>;
  /** Creates what a folder's manifests say. */
  apply(manifests: string): Promise<void>;
}

/** Where Pods reach this machine. */
export const HOST = "10.88.0.1";

export const KUBERNETES_NEEDS: Need[] = (
  [
    ["containerd", "containerd"],
    ["runc", "runc"],
    ["ip", "iproute2"],
    ["iptables", "iptables"],
    ["zstd", "zstd"],
    ["openssl", "openssl"],
    ["curl", "curl"],
  ] as const
)
  .map(([name, debian]): Need => ({ what: name, present: () => Bun.which(name) !== null, debian: [debian] }))
  .concat({
    what: "network plugins for containers",
    present: () => new Bun.Glob("bridge").scanSync("/usr/lib/cni").next().done === false,
    debian: ["containernetworking-plugins"],
  });

/** Starts it; its node is ready when this resolves. Only one can run on a machine. Throws with the script's last words. */
export async function startKubernetes(): Promise<Kubernetes> {
  const script = join(kube(), "cluster.sh");
  const folder = mkdtempSync(join(tmpdir(), "sidepost-cluster-"));
  const keeper = Bun.spawn([join(import.meta.dir, "keep.sh"), script, folder], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    // Else Ctrl-C ends the parts of the cluster in no order.
    detached: true,
  });
  const dispose = async () => {
    await keeper.stdin.end();
    await keeper.exited;
  };
  const said = await firstWords(keeper.stdout);
  if (said !== "up") {
    await dispose();
    throw new Error(`The cluster did not start: ${said}`);
  }
  return {
    folder,
    load: (archive) => run([script, "load", folder, archive]),
    tag: (image, name) =>
      run(["ctr", "-a", join(folder, "containerd.sock"), "-n", "k8s.io", "images", "tag", image, name]),
    apply: (manifests) =>
      run([join(folder, "bin/kubectl"), "apply", "--server-side", "-f", manifests], {
        env: { ...process.env, KUBECONFIG: join(folder, "kubeconfig") },
      }),
    [Symbol.asyncDispose]: dispose,
  };
}

async function firstWords(output: ReadableStream<Uint8Array>): Promise<string> {
  const { value } = await output.getReader().read();
  return new TextDecoder().decode(value).trim();
}
