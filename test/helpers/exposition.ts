/** One metric of the Prometheus text format 0.0.4, with its lines as `name{labels}` → value. */
export interface Family {
  type: string;
  help: string;
  samples: Map<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
const VALUE = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN`;
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SAMPLE = new RegExp(`^(${NAME})((?:\\{${LABEL}(?:,${LABEL})*\\})?) (${VALUE})$`);

/** Reads exposition text strictly: HELP, TYPE and then the lines of each metric, every one once. Throws otherwise. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family>();
  let current = "";
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, kind, name, rest] = COMMENT.exec(line) ?? [];
    if (kind === "HELP" && name !== undefined && rest !== undefined) {
      if (families.has(name)) throw new Error(`${name} comes twice`);
      families.set(name, { type: "", help: rest, samples: new Map() });
      current = name;
    } else if (kind === "TYPE" && name === current && rest !== undefined) {
      family(families, current).type = rest;
    } else {
      addSample(family(families, current), current, line);
    }
  }
  return families;
}

/** The buckets of a histogram line by line, its sum and its count, for one set of labels such as `type="a",`. */
export function readHistogram({ samples }: Family, name: string, labels = "") {
  const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket{${labels}le=`));
  const shared = labels === "" ? "" : `{${labels.slice(0, -1)}}`;
  return {
    buckets: Object.fromEntries(buckets.map(([key, value]) => [/le="(.+)"/.exec(key)?.[1] ?? "", value])),
    sum: samples.get(`${name}_sum${shared}`),
    count: samples.get(`${name}_count${shared}`),
  };
}

function family(families: Map<string, Family>, name: string): Family {
  const found = families.get(name);
  if (found === undefined) throw new Error("a line stands before the first HELP");
  return found;
}

function addSample({ type, samples }: Family, metric: string, line: string): void {
  const [, name, labels, value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!suffixes.some((suffix) => name === metric + suffix)) throw new Error(`${line} stands under ${metric}`);
  if (samples.has(`${name}${labels}`)) throw new Error(`${line} comes twice`);
  samples.set(`${name}${labels}`, Number(value?.replace("Inf", "Infinity")));
}
