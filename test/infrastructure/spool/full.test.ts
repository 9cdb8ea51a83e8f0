import { expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SpoolError } from "../../../src/domain/spool.ts";
import { waitUntil } from "../../helpers/wait.ts";
import { chunk, delivered, newFolder, open, type Opened } from "./support.ts";

setDefaultTimeout(30_000);

const KIB = 1024;
const root = process.getuid?.() === 0;

/** A disk of its own, of this many KiB. */
function smallDisk(kib: number): Disposable & { path: string } {
  const folder = newFolder();
  const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", folder.path]);
  if (mount.exitCode !== 0) throw new Error(`mount: ${mount.stderr.toString()}`);
  return {
    path: folder.path,
    [Symbol.dispose]() {
      Bun.spawnSync(["umount", folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

/** Appends chunks of 64 KiB until one is refused: how many were not. */
async function fill({ spool }: Opened, from: number, most = 1000): Promise<number> {
  for (let number = from; number < from + most; number++) {
    const error = await spool.append([chunk(number, 1, 64 * KIB)]).catch((it: unknown) => it);
    if (error instanceof SpoolError) {
      expect(error.reason).toBe("full");
      return number - from;
    }
  }
  return most;
}

/** Takes all the room that is left. */
function takeAll(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, new Uint8Array(4 * KIB));
  } catch {
    closeSync(file);
  }
}

const hasRoom = ({ spool }: Opened): Promise<true> =>
  waitUntil(
    () => (spool.hasRoom(1) ? true : undefined),
    10_000,
    () => new Error(`no room: ${JSON.stringify(spool.status())}`),
  );

test.if(root)(
  "a full disk refuses appends, keeps what was taken, and takes more when there is room again",
  async () => {
    using disk = smallDisk(2 * KIB);
    writeFileSync(join(disk.path, "ballast"), new Uint8Array(1 * KIB * KIB));
    let taken: number;
    {
      await using opened = await open(disk.path);
      const { spool } = opened;
      taken = await fill(opened, 1);
      expect(taken).toBeGreaterThan(0);
      expect(await spool.read(taken + 1)).toBeUndefined();
      expect(spool.status()).toMatchObject({ open: true, records: taken });
      expect(spool.status().problem).toContain("full");
      expect(spool.hasRoom(1)).toBe(false);

      rmSync(join(disk.path, "ballast"));
      await hasRoom(opened);
      expect(spool.status().problem).toBeUndefined();
      await spool.append([chunk(taken + 1, 1, 64 * KIB)]);
    }
    await using again = await open(disk.path);
    expect(again.spool.status().problem).toBeUndefined();
    expect(again.found[0]!.chunks.map((it) => it.number)).toEqual(
      Array.from({ length: taken + 1 }, (_, index) => index + 1),
    );
    for (let number = 1; number <= taken + 1; number++)
      expect((await again.spool.read(number))?.bytes).toEqual(chunk(number, 1, 64 * KIB).bytes);
  },
);

test.if(root)("on a full disk what is settled makes room", async () => {
  using disk = smallDisk(2 * KIB);
  await using opened = await open(disk.path);
  let first = 1;
  for (let round = 1; round <= 3; round++) {
    const taken = await fill(opened, first);
    expect(taken).toBeGreaterThan(round === 1 ? 4 : 0);
    opened.spool.settle(Array.from({ length: taken }, (_, index) => delivered(first + index)));
    await hasRoom(opened);
    first += taken + 1;
  }
});

test.if(root)(
  "on a disk without any room the file is closed and opened, and what is in it can be read",
  async () => {
    using disk = smallDisk(2 * KIB);
    {
      await using opened = await open(disk.path);
      await opened.spool.append([chunk(1, 1, 256 * KIB), chunk(2)]);
      takeAll(join(disk.path, "ballast"));
      opened.spool.settle([delivered(2)]);
    }
    await using again = await open(disk.path);
    expect(again.spool.status().problem).toBeUndefined();
    expect((await again.spool.read(1))?.bytes).toEqual(chunk(1, 1, 256 * KIB).bytes);
    expect(await fill(again, 3)).toBe(0);
    rmSync(join(disk.path, "ballast"));
    await hasRoom(again);
    await again.spool.append([chunk(4)]);
  },
);

test.if(root)(
  "an answer that is dropped on a disk without any room is gone when there is some again",
  async () => {
    using disk = smallDisk(2 * KIB);
    {
      await using opened = await open(disk.path);
      const { spool } = opened;
      for (const key of ["dropped", "given anew"]) await spool.putAnswer(key, new Uint8Array(9), Date.now());
      takeAll(join(disk.path, "ballast"));
      for (const key of ["dropped", "given anew"]) spool.dropAnswer(key);
      expect(await fill(opened, 1)).toBe(0);
      expect(await spool.findAnswer("dropped")).toBeDefined();
      rmSync(join(disk.path, "ballast"));
      await hasRoom(opened);
      await spool.putAnswer("given anew", new Uint8Array(5), Date.now());
      await waitUntil(
        async () => ((await spool.findAnswer("dropped")) === undefined ? true : undefined),
        10_000,
        () => new Error("it is still there"),
      );
    }
    await using again = await open(disk.path);
    expect(await again.spool.findAnswer("dropped")).toBeUndefined();
    expect(await again.spool.findAnswer("given anew")).toHaveLength(5);
  },
);

test("beyond its limit an append is refused before anything is written", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path, 100 * KIB);
  const { spool } = opened;
  expect(spool.hasRoom(64 * KIB)).toBe(true);
  expect(await fill(opened, 1)).toBe(1);
  expect(spool.status()).toMatchObject({ records: 1 });
  expect(spool.status().problem).toBeUndefined();
  expect([spool.hasRoom(64 * KIB), spool.hasRoom(30 * KIB)]).toEqual([false, true]);
  expect(await spool.read(2)).toBeUndefined();
  spool.settle([delivered(1)]);
  await spool.append([chunk(3, 1, 64 * KIB)]);
});
