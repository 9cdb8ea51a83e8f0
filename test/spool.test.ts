import { expect, test } from "bun:test";

import type { StoredAnswer } from "../src/domain/ports.ts";
import { answersIn } from "../src/spool.ts";
import { createClaims } from "../src/usecase/claims.ts";
import { chunk, id, newFolder, open } from "./infrastructure/spool/support.ts";

const WINDOW = 60_000;
const CLAIM = { fingerprint: "f", at: 1000, ids: ["1"] };
const ANSWER: StoredAnswer = {
  fingerprint: "f",
  at: 1000,
  status: 201,
  headers: {},
  body: Buffer.from("{}"),
};

test("a key that is free is found no more, at once and after a restart, though it was on disk", async () => {
  using folder = newFolder();
  {
    await using opened = await start(folder.path);
    const { store, write } = opened;
    store.claim("k", CLAIM);
    await write(1);
    expect(await store.find("k")).toMatchObject({ receipts: [{ status: "stored", id: "1" }] });
    store.release("k");
    expect(await store.find("k")).toBeUndefined();
  }
  await using again = await start(folder.path);
  expect(await again.store.find("k")).toBeUndefined();
  expect(again.spool.status().bytes).toBe(412);
});

test("a key that is free before its event is on disk, or while it is being written, is found no more", async () => {
  using folder = newFolder();
  {
    await using opened = await start(folder.path);
    const { store, write } = opened;
    store.claim("before", CLAIM);
    store.release("before");
    store.claim("meanwhile", CLAIM);
    const written = write(1);
    store.release("meanwhile");
    await written;
  }
  await using again = await start(folder.path);
  for (const key of ["before", "meanwhile"]) expect(await again.store.find(key)).toBeUndefined();
});

test("a key that was free, and is taken again, has what came last", async () => {
  using folder = newFolder();
  {
    await using opened = await start(folder.path);
    const { store, write } = opened;
    for (const key of ["claimed", "answered"]) store.claim(key, CLAIM);
    await write(1);
    for (const key of ["claimed", "answered"]) store.release(key);
    for (const key of ["claimed", "answered"]) store.claim(key, { ...CLAIM, ids: ["2"] });
    const written = write(2);
    store.put("answered", ANSWER);
    await written;
    expect(await store.find("claimed")).toMatchObject({ receipts: [{ id: "2" }] });
  }
  await using again = await start(folder.path);
  expect(await again.store.find("claimed")).toMatchObject({ receipts: [{ status: "stored", id: "2" }] });
  expect(await again.store.find("answered")).toMatchObject({ status: 201 });
});

/** A store in a real file, and what writes chunks as the service does. Event 1 is in chunk 1, and so on. */
async function start(path: string) {
  const opened = await open(path);
  const claims = createClaims();
  const store = answersIn(opened.spool, claims, (name) => id(Number(name)), WINDOW);
  const write = (number: number): Promise<void> => {
    const chunks = [chunk(number)];
    return claims.writtenWith(chunks, (claimed) => opened.spool.append(chunks, claimed));
  };
  return { ...opened, store, write };
}
