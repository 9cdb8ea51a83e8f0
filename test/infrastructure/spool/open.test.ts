import { expect, setDefaultTimeout, test } from "bun:test";
import { Database } from "bun:sqlite";
import { chmodSync, openSync, readdirSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../helpers/wait.ts";
import { chunk, newFolder, open, type Opened } from "./support.ts";

setDefaultTimeout(30_000);

const root = process.getuid?.() === 0;

const opens = ({ spool }: Opened): Promise<true> =>
  waitUntil(
    () => (spool.status().open ? true : undefined),
    10_000,
    () => new Error(`not open: ${spool.status().problem}`),
  );

const problems = ({ log }: Opened) => log.filter(({ level }) => level === "error");

/** A spool that was closed with chunks in it. */
async function written(folder: string, chunks = 1): Promise<void> {
  await using opened = await open(folder);
  await opened.spool.append(Array.from({ length: chunks }, (_, index) => chunk(index + 1, 100)));
}

/** A file that is of no use is set aside under such a name, with an error, and the spool works on. */
async function expectAside(folder: string, name: RegExp, why: RegExp): Promise<string> {
  await using opened = await open(folder);
  expect(opened.found).toEqual([{ chunks: [], last: 0 }]);
  const aside = readdirSync(folder).find((it) => name.test(it)) ?? "";
  expect(aside).not.toBe("");
  expect(problems(opened)).toMatchObject([
    {
      fields: { why: expect.stringMatching(why), path: join(folder, aside) },
      msg: expect.stringContaining("set aside"),
    },
  ]);
  await opened.spool.append([chunk(1)]);
  return join(folder, aside);
}

test("a truncated file is set aside", async () => {
  using folder = newFolder();
  await written(folder.path, 10);
  truncateSync(join(folder.path, "spool.db"), 100_000);
  await expectAside(folder.path, /^spool\.db\.damaged-\d{8}T\d{6}Z$/, /malformed/);
});

test("a file that is not a database is set aside, as it was", async () => {
  using folder = newFolder();
  writeFileSync(join(folder.path, "spool.db"), "groceries\n".repeat(1000));
  const aside = await expectAside(folder.path, /damaged/, /not a database/);
  expect(await Bun.file(aside).text()).toStartWith("groceries");
});

test("a database of another application is set aside, and can still be read", async () => {
  using folder = newFolder();
  const other = new Database(join(folder.path, "spool.db"));
  other.run("PRAGMA journal_mode = WAL");
  other.run("CREATE TABLE groceries (name TEXT)");
  other.run("INSERT INTO groceries VALUES ('eggs')");
  other.close();
  const aside = await expectAside(folder.path, /^spool\.db\.foreign-/, /another application/);
  using again = new Database(aside);
  expect(again.query("SELECT name FROM groceries").get()).toEqual({ name: "eggs" });
});

test("a file of a newer version is set aside, and the log says how to send what is in it", async () => {
  using folder = newFolder();
  await written(folder.path);
  const file = new Database(join(folder.path, "spool.db"));
  file.run("PRAGMA user_version = 99");
  file.close();
  await expectAside(folder.path, /^spool\.db\.newer-/, /start that one/);
});

test("so is a file of an older version", async () => {
  using folder = newFolder();
  await written(folder.path);
  const file = new Database(join(folder.path, "spool.db"));
  file.run("PRAGMA user_version = 1");
  file.close();
  await expectAside(folder.path, /^spool\.db\.older-/, /start that one/);
});

test("an empty file is set aside with its WAL: SQLite would remove it", async () => {
  using folder = newFolder();
  writeFileSync(join(folder.path, "spool.db"), "");
  writeFileSync(join(folder.path, "spool.db-wal"), "what was acknowledged");
  const aside = await expectAside(folder.path, /damaged-\w+$/, /empty/);
  expect(await Bun.file(`${aside}-wal`).text()).toBe("what was acknowledged");
});

test("a file that turns out damaged at work is set aside, what waits is refused, and a new one is begun", async () => {
  using folder = newFolder();
  await written(folder.path, 50);
  await using opened = await open(folder.path);
  const { spool, found } = opened;
  const file = openSync(join(folder.path, "spool.db"), "r+");
  for (let at = 8192; at < 2_000_000; at += 4096)
    writeSync(file, new Uint8Array(4096).fill(0xa5), 0, 4096, at);
  const read = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => spool.read(index + 1)));
  // The one that found it out is not known to be gone; those asked for next are, with the old file.
  expect(read.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(read.at(-1)).toEqual({ status: "fulfilled", value: undefined });
  await waitUntil(
    () => (found.length === 2 ? true : undefined),
    10_000,
    () => new Error("no new file"),
  );
  expect(found[1]).toEqual({ chunks: [], last: 0 });
  await spool.append([chunk(51)]);
  expect(spool.status()).toMatchObject({ open: true, records: 1 });
  expect(readdirSync(folder.path).some((name) => name.startsWith("spool.db.damaged-"))).toBe(true);
  expect(problems(opened).length).toBe(1);
});

test("while another process has the file the spool is not open, says why, and opens when that one ends", async () => {
  using folder = newFolder();
  await using holder = await hold(folder.path);
  await using opened = await open(folder.path);
  const { spool, found } = opened;
  expect(spool.status()).toMatchObject({ open: false, problem: expect.stringContaining("another process") });
  expect(spool.hasRoom(1)).toBe(false);
  await expect(spool.append([chunk(1)])).rejects.toMatchObject({
    reason: "unwritable",
    detail: expect.stringContaining("SPOOL_DIR"),
  });
  await expect(spool.read(7)).rejects.toMatchObject({
    reason: "unreadable",
    detail: expect.stringContaining("another process"),
  });
  await Bun.sleep(2500);
  expect(found).toEqual([]);
  expect(problems(opened)).toHaveLength(1);
  holder.kill();
  await opens(opened);
  expect(found).toMatchObject([{ chunks: [{ number: 7 }], last: 7 }]);
  await spool.append([chunk(8)]);
});

test("a spool that was never open closes", async () => {
  using folder = newFolder();
  await using holder = await hold(folder.path);
  expect(holder.killed).toBe(false);
  const { spool } = await open(folder.path);
  await Promise.all([spool.close(), spool.close()]);
  await expect(spool.append([chunk(1)])).rejects.toMatchObject({ reason: "closed" });
});

test("where a file stands in the folder's place, the spool says so and waits for it to go", async () => {
  using folder = newFolder();
  const path = join(folder.path, "spool");
  writeFileSync(path, "");
  await using opened = await open(path);
  expect(opened.spool.status()).toMatchObject({ open: false, problem: expect.stringContaining(path) });
  await Bun.file(path).delete();
  await opens(opened);
});

test("a folder that cannot be written is waited for", async () => {
  using folder = newFolder();
  const unwritable = root
    ? () => run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder.path)
    : () => chmodSync(folder.path, 0o500);
  const writable = root
    ? () => run("mount", "-o", "remount,rw", folder.path)
    : () => chmodSync(folder.path, 0o700);
  unwritable();
  try {
    await using opened = await open(folder.path);
    expect(opened.spool.status()).toMatchObject({
      open: false,
      problem: expect.stringContaining("a folder that this user can write to"),
    });
    writable();
    await opens(opened);
    await opened.spool.append([chunk(1)]);
  } finally {
    if (root) run("umount", folder.path);
  }
});

/** Another process that has the file open, with chunk 7 in it. */
async function hold(folder: string): Promise<Bun.Subprocess<"ignore", "pipe", "inherit"> & AsyncDisposable> {
  const program = join(import.meta.dir, "writer.ts");
  const child = Bun.spawn([process.execPath, program, folder, "7", "1"], {
    stdin: "ignore",
    stderr: "inherit",
  });
  for await (const _ of child.stdout) break;
  return child;
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(stderr.toString());
}
