import { dirname, join } from "node:path";

/** Sources by their path below the root, such as `http/problem.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** What the files of a folder, or a file of the root, may import: other folders and files by name, packages by prefix. */
export interface Rules {
  imports: Readonly<Record<string, readonly string[] | "anything">>;
  /** Who may touch the process and its environment: a folder or a file. */
  process: readonly string[];
}

const IMPORT = /\b(?:from|import|require)\s*\(?\s*"([^"\n]+)"/g;
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
const PROCESS = /\bprocess\s*[.[]|\b(?:Bun|import\.meta)\.env\b|"(?:node:)?process"/;

/** Everything in `sources` that is against the rules, a sentence each. */
export function violations(sources: Sources, rules: Rules): string[] {
  const found: string[] = [];
  for (const [path, text] of sources) {
    const code = text.replace(COMMENT, "");
    const part = partOf(path);
    const allowed = rules.imports[part];
    if (allowed === undefined) found.push(`${path} belongs to no part that is known`);
    for (const target of importsOf(path, code))
      if (target.part !== part && allowed !== undefined && !covers(allowed, target.part))
        found.push(`${path} may not import ${target.written}`);
    const trusted = rules.process.includes(part) || rules.process.includes(path);
    if (!trusted && PROCESS.test(code)) found.push(`${path} may not touch the process`);
  }
  return found;
}

/** The first import cycle found, as the files on the way; undefined where there is none. */
export function cycle(sources: Sources): string[] | undefined {
  const done = new Set<string>();
  function walk(path: string, way: string[]): string[] | undefined {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    const code = (sources.get(path) ?? "").replace(COMMENT, "");
    for (const { path: next } of importsOf(path, code)) {
      const found = next === undefined ? undefined : walk(next, [...way, path]);
      if (found) return found;
    }
    done.add(path);
    return undefined;
  }
  for (const path of sources.keys()) {
    const found = walk(path, []);
    if (found) return found;
  }
  return undefined;
}

interface Import {
  written: string;
  /** The folder or root file that it is of, or the package. */
  part: string;
  /** Undefined for a package. */
  path?: string;
}

function importsOf(path: string, code: string): Import[] {
  return [...code.matchAll(IMPORT)].map(([, written = ""]) => {
    if (!written.startsWith(".")) return { written, part: written };
    const target = join(dirname(path), written);
    return { written, part: partOf(target), path: target };
  });
}

const partOf = (path: string): string => path.split("/", 1)[0]!;

const covers = (allowed: readonly string[] | "anything", part: string): boolean =>
  allowed === "anything" ||
  allowed.some(
    (name) => part === name || part.startsWith(`${name}/`) || (name.endsWith(":") && part.startsWith(name)),
  );
