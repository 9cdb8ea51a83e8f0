/** Reads one kind of value from text. `allowed` completes "expected …" and carries an example. */
export interface Parser<T> {
  readonly allowed: string;
  readonly schema: ValueSchema;
  parse(text: string): Parsed<T>;
}

/**
 * What JSON Schema can say of a value: it takes all that is allowed, and not much else. Whole numbers and booleans may also
 * stand there without quotes. Patterns are of RE2, since Helm is in Go, and begin with ^ and end with $.
 */
export type ValueSchema =
  | { type: "string"; pattern: string }
  | { type: readonly ["string", "integer"]; pattern: string; minimum: number; maximum: number }
  | { enum: readonly (string | boolean)[] };

/** The value, or the part of the text that was refused. */
export type Parsed<T> = { value: T } | { refused: string };

/** Listens on a port of `hostname` ("" is every interface, IPv4 and IPv6), or on a Unix socket. */
export type Address = { hostname: string; port: number } | { unix: string };

/** Makes a {@link Parser} of a function that answers undefined for what it refuses. */
export function parser<T>(
  allowed: string,
  schema: ValueSchema,
  read: (text: string) => T | undefined,
): Parser<T> {
  return {
    allowed,
    schema,
    parse(text) {
      const value = read(text);
      return value === undefined ? { refused: text } : { value };
    },
  };
}

/** The schema of text that has this form, a regular expression. */
export const textOf = (form: string): ValueSchema => ({ type: "string", pattern: `^(${form})$` });

/** Text that matches `pattern` as a whole. */
export const text = (
  allowed: string,
  pattern: RegExp,
  schema = textOf(bare(pattern.source)),
): Parser<string> => parser(allowed, schema, (seen) => (pattern.test(seen) ? seen : undefined));

/** One of the words given. */
export const oneOf = <const W extends string>(...words: W[]) => {
  const schema = { enum: words };
  const allowed = words.join(", ").replace(/, (\S+)$/, " or $1");
  return { ...parser(allowed, schema, (seen) => words.find((word) => word === seen)), schema };
};

export const boolean: Parser<boolean> = parser(
  "true or false",
  { enum: ["true", "false", true, false] },
  (seen) => (seen === "true" ? true : seen === "false" ? false : undefined),
);

/** A whole number from `min` to `max`, both allowed. */
export const integer = (min: number, max: number, example: string): Parser<number> =>
  parser(
    `a whole number from ${min} to ${max}, such as ${example}`,
    { type: ["string", "integer"], pattern: "^[0-9]+$", minimum: min, maximum: max },
    (seen) => (/^\d+$/.test(seen) ? within(Number(seen), min, max) : undefined),
  );

/** A duration in milliseconds, from `min` to `max`, which are written like the value itself. */
export const duration = (min: string, max: string, example: string): Parser<number> =>
  quantity("a duration", DURATION_UNITS, min, max, example);

/** A size in bytes, from `min` to `max`, which are written like the value itself. */
export const size = (min: string, max: string, example: string): Parser<number> =>
  quantity("a size", SIZE_UNITS, min, max, example);

/** A comma list. Empty text is the empty list; space around an item is dropped. */
export const listOf = <T>(item: Parser<T>): Parser<T[]> => ({
  allowed: `a comma list of ${item.allowed}`,
  schema: textOf(`(${formOf(item)})( *, *(${formOf(item)}))*|`),
  parse(seen) {
    const value: T[] = [];
    for (const part of seen === "" ? [] : seen.split(",")) {
      const parsed = item.parse(part.trim());
      if ("refused" in parsed) return parsed;
      value.push(parsed.value);
    }
    return { value };
  },
});

/** The one word, or what `other` reads. */
export const wordOr = <const W extends string, T>(word: W, other: Parser<T>): Parser<W | T> => ({
  allowed: `${word}, or ${other.allowed}`,
  schema: textOf(`${word.replace("*", "\\*")}|${formOf(other)}`),
  parse: (seen) => (seen === word ? { value: word } : other.parse(seen)),
});

/** An address to listen on; port 0 is any free port. */
export const address: Parser<Address> = parser(
  "an address, such as :8080, 127.0.0.1:8080, [::1]:8080, 8080 or unix:/run/sidepost.sock",
  textOf(String.raw`unix:/.*|((\[[0-9a-fA-F:.]+\]|[\w.-]*):)?[0-9]{1,5}`),
  (seen) => (seen.startsWith("unix:") ? unixAddress(seen.slice("unix:".length)) : tcpAddress(seen)),
);

const formOf = ({ schema }: Parser<unknown>): string => ("pattern" in schema ? bare(schema.pattern) : ".*");

const bare = (pattern: string): string => pattern.replace(/^\^|\$$/g, "");

/** A whole port number, or undefined. */
export const port = (digits: string, min: number): number | undefined => within(Number(digits), min, 65_535);

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const SIZE_UNITS: Record<string, number> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

function quantity(
  what: string,
  units: Record<string, number>,
  min: string,
  max: string,
  example: string,
): Parser<number> {
  const least = amount(min, units) ?? 0;
  const most = amount(max, units) ?? Infinity;
  const allowed = `${what} from ${min} to ${max} with its unit (${Object.keys(units).join(", ")}), such as ${example}`;
  const schema = textOf(`0|[0-9]+(${Object.keys(units).join("|")})`);
  return parser(allowed, schema, (seen) => within(amount(seen, units), least, most));
}

function amount(seen: string, units: Record<string, number>): number | undefined {
  if (seen === "0") return 0;
  const [, digits = "", name = ""] = /^(\d+)([A-Za-z]+)$/.exec(seen) ?? [];
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  return unit === undefined ? undefined : Number(digits) * unit;
}

const within = (value: number | undefined, min: number, max: number): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined;

function tcpAddress(seen: string): Address | undefined {
  const match = /^(?:(?:\[([\da-fA-F:.]+)\]|([\w.-]*)):)?(\d{1,5})$/.exec(seen);
  const number = match?.[3] === undefined ? undefined : port(match[3], 0);
  return number === undefined ? undefined : { hostname: match?.[1] ?? match?.[2] ?? "", port: number };
}

/** The kernel's limit on a socket's path is 108 bytes with the closing zero (unix(7)). */
const unixAddress = (path: string): Address | undefined =>
  path.startsWith("/") && Buffer.byteLength(path) <= 107 ? { unix: path } : undefined;
