import { expect, test } from "bun:test";
import { ensurePackages, type Machine, type Need } from "../../src/native/packages.ts";

/** A Debian machine that has `installed`, and where apt-get brings what it is asked for. */
function debian(installed: string[] = [], overrides: Partial<Machine> = {}) {
  const commands: string[][] = [];
  const said: string[] = [];
  const machine: Machine = {
    root: true,
    apt: true,
    install: true,
    run: async (command) => {
      commands.push(command);
      installed.push(...(command.at(-1) ?? "").split(", "));
      return { code: 0, output: "" };
    },
    say: (line) => void said.push(line),
    ...overrides,
  };
  const needs: Need[] = [
    { what: "a compiler", present: () => installed.includes("g++"), debian: ["g++"] },
    { what: "zlib", present: () => installed.includes("zlib1g-dev"), debian: ["zlib1g-dev"] },
  ];
  return { machine, needs, commands, said };
}

test("nothing runs where nothing is missing", async () => {
  const { machine, needs, commands, said } = debian(["g++", "zlib1g-dev"], { root: false, apt: false });
  await ensurePackages(needs, machine);
  expect(commands).toEqual([]);
  expect(said).toEqual([]);
});

test("root gets what is missing, and only that, with one line said", async () => {
  const { machine, needs, commands, said } = debian(["g++"]);
  await ensurePackages(needs, machine);
  expect(commands).toHaveLength(1);
  expect(commands[0]?.at(-1)).toBe("zlib1g-dev");
  expect(said).toEqual(["installing zlib1g-dev (set SIDEPOST_NO_INSTALL=1 to do it yourself)"]);
});

test("anyone else gets the one command, with sudo, and nothing runs", async () => {
  const { machine, needs, commands } = debian([], { root: false });
  await expect(ensurePackages(needs, machine)).rejects.toThrow(
    'missing: a compiler, zlib; install with:\nsudo apt-get update && sudo apt-get satisfy -y --no-install-recommends "g++, zlib1g-dev"',
  );
  expect(commands).toEqual([]);
});

test("root who asked for no installs gets the command without sudo", async () => {
  const { machine, needs, commands } = debian([], { install: false });
  await expect(ensurePackages(needs, machine)).rejects.toThrow(
    'apt-get update && apt-get satisfy -y --no-install-recommends "g++, zlib1g-dev"',
  );
  expect(commands).toEqual([]);
});

test("a machine without apt is told what is missing", async () => {
  const { machine, needs } = debian([], { apt: false });
  await expect(ensurePackages(needs, machine)).rejects.toThrow(
    "missing: a compiler, zlib; build on Debian or Ubuntu",
  );
});

test("a failed installation says what is still missing and what apt-get said", async () => {
  const { machine, needs } = debian(["g++"], {
    run: async () => ({ code: 100, output: "E: Unable to locate package\n" }),
  });
  await expect(ensurePackages(needs, machine)).rejects.toThrow(
    "apt-get could not bring zlib:\nE: Unable to locate package",
  );
});

test("an installation that brings nothing is a failure though apt-get is content", async () => {
  const { machine, needs } = debian(["g++"], { run: async () => ({ code: 0, output: "" }) });
  await expect(ensurePackages(needs, machine)).rejects.toThrow("apt-get could not bring zlib");
});
