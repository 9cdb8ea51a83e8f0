import { PROPERTY_PREFIX, isServiceLink, nearMiss, settingName } from "./names.ts";
import { FIELDS } from "./schema.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The text in force of every field, in the order of the table, and then of every RDKAFKA_ variable. */
export type Settings = ReadonlyMap<string, string>;

/** Reads a whole file as text; throws with the reason when it cannot. */
export type ReadFile = (path: string) => string;

/** Collects the text of every setting: from NAME, from the file that NAME_FILE names, or the default. `chosen` has no default. */
export function readSettings(env: Env, readFile: ReadFile) {
  const settings = new Map<string, string>(FIELDS.map((field) => [field.name, field.default]));
  const chosen = new Set<string>();
  const faults: string[] = [];
  const { given, warnings } = sift(env);
  for (const name of settingNames(given)) {
    const setting = readSetting(name, given, readFile);
    if ("fault" in setting) faults.push(setting.fault);
    else if (setting.text !== undefined) {
      settings.set(name, setting.text);
      chosen.add(name);
    }
  }
  return { settings, chosen, faults, warnings };
}

/** Leaves out what is empty and what Kubernetes set, and warns of what seems misspelt. */
function sift(env: Env) {
  const given = new Map<string, string>();
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!value) continue;
    if (isServiceLink(name, value)) {
      if (FIELDS.some((field) => field.name === name))
        warnings.push(`${name}=${JSON.stringify(value)} comes from a Kubernetes Service and is ignored`);
      continue;
    }
    given.set(name, value);
    const meant = nearMiss(name);
    if (meant) warnings.push(`${name} is not known; did you mean ${meant}?`);
  }
  return { given, warnings };
}

function settingNames(given: ReadonlyMap<string, string>): Set<string> {
  const properties = [...given.keys()].filter((name) => name.startsWith(PROPERTY_PREFIX)).map(settingName);
  return new Set([...FIELDS.map(({ name }) => name), ...properties.toSorted()]);
}

function readSetting(
  name: string,
  given: ReadonlyMap<string, string>,
  readFile: ReadFile,
): { text: string | undefined } | { fault: string } {
  const path = given.get(`${name}_FILE`);
  if (path === undefined) return { text: given.get(name) };
  if (given.has(name)) return { fault: `${name} and ${name}_FILE are both set; expected one of them` };
  const source = `${name}_FILE=${JSON.stringify(path)}`;
  try {
    const text = readFile(path).replace(/\r?\n$/, "");
    return text === ""
      ? { fault: `${source} is an empty file; expected the value of ${name} in it` }
      : { text };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { fault: `${source} cannot be read: ${reason}` };
  }
}
