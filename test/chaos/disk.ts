import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A small disk of one's own. Disposing of it unmounts it. */
export interface Disk extends AsyncDisposable {
  folder: string;
  /** Takes all that is free. */
  fill(): void;
  free(): void;
}

/** Whether one can be mounted here. */
export const canMount = process.getuid?.() === 0;

/** Mounts a tmpfs of so many mebibytes; for root only. */
export async function mountDisk(mebibytes: number): Promise<Disk> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-disk-"));
  const ballast = join(folder, "ballast");
  await run(["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]);
  return {
    folder,
    fill() {
      // Whoever writes beside us may take the last page first.
      while (statfsSync(folder).bavail > 0) {
        const { bavail, bsize } = statfsSync(folder);
        try {
          writeFileSync(ballast, Buffer.alloc(bavail * bsize), { flag: "a" });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      await run(["umount", "--lazy", folder]);
      if (existsSync(folder)) rmSync(folder, { recursive: true });
    },
  };
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const errors = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${errors}`);
}
