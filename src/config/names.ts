import { FIELDS } from "./schema.ts";

export const PROPERTY_PREFIX = "RDKAFKA_";

const FIELD_NAMES = new Set(FIELDS.map(({ name }) => name));
const PREFIXES = new Set([...FIELD_NAMES].map(prefixOf));
const SECRET_FIELDS = new Set(FIELDS.filter(({ secret }) => secret).map(({ name }) => name));

/** The properties whose own name ends in `.file`: these variables hold a path, librdkafka reads the file. */
const FILE_PROPERTIES = new Set([
  "RDKAFKA_SASL_OAUTHBEARER_ASSERTION_FILE",
  "RDKAFKA_SASL_OAUTHBEARER_ASSERTION_JWT_TEMPLATE_FILE",
  "RDKAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE",
]);

/** The setting that a variable stands for: NAME of both NAME and NAME_FILE. */
export const settingName = (variable: string): string =>
  variable.endsWith("_FILE") && !FILE_PROPERTIES.has(variable)
    ? variable.slice(0, -"_FILE".length)
    : variable;

/**
 * librdkafka's name of an RDKAFKA_ variable: RDKAFKA_LINGER_MS is linger.ms. Of the names with a real underscore
 * only log_level can be text; the others are callbacks and pointers, and enabled_events belongs to the client.
 */
export function propertyName(variable: string): string {
  const name = variable.slice(PROPERTY_PREFIX.length).toLowerCase();
  return name === "log_level" ? name : name.replaceAll("_", ".");
}

/** Whether the value of a setting must not be shown. Where a key lies is no secret, only the key is. */
export const isSecret = (name: string): boolean =>
  SECRET_FIELDS.has(name) || (name.startsWith(PROPERTY_PREFIX) && isSecretProperty(propertyName(name)));

const isSecretProperty = (property: string): boolean =>
  /pass|pw|secret|token|key|oauthbearer\.config/.test(property) &&
  !/\.(location|file|keytab)$|^socket\.keepalive/.test(property);

/**
 * Whether Kubernetes set the variable: it describes every Service of the namespace to every Pod, so a Service
 * called kafka brings KAFKA_SERVICE_HOST and KAFKA_PORT, and one called metrics brings METRICS_PORT=tcp://10.0.0.7:80.
 */
export const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
  (name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value));

/**
 * The variable that was probably meant, or undefined when the name is known or resembles none.
 * Under our prefixes a quarter of the letters may differ, or the end be missing (KAFKA_BROKER); elsewhere one letter
 * (METRIC_PORT, LOGLEVEL). No more than that, because the prefixes are not ours alone: the application's own APP_KEY or
 * KAFKA_OPTS may come with a shared envFrom. For the same reason a near miss deserves a warning and not a fault.
 */
export function nearMiss(variable: string): string | undefined {
  const name = settingName(variable);
  if (FIELD_NAMES.has(name)) return undefined;
  const ours = PREFIXES.has(prefixOf(name));
  const [nearest] = [...FIELD_NAMES]
    .filter((known) => ours || Math.abs(known.length - name.length) <= 1)
    .map((known) => ({ known, edits: ours && known.startsWith(`${name}_`) ? 0 : editDistance(name, known) }))
    .filter(({ known, edits }) => edits <= (ours ? known.length / 4 : 1))
    .toSorted((a, b) => a.edits - b.edits);
  return nearest && nearest.known + variable.slice(name.length);
}

function prefixOf(name: string): string {
  return name.slice(0, name.indexOf("_") + 1);
}

/** Levenshtein's distance: the least number of insertions, deletions and replacements of a letter. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (letter === b[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
