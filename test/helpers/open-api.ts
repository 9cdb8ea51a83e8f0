import * as v from "valibot";

/** What Kubernetes' own schemas (structural OpenAPI v3) use of JSON Schema. */
export interface Schema {
  type?: string | undefined;
  properties?: Record<string, Schema> | undefined;
  additionalProperties?: Schema | undefined;
  items?: Schema | undefined;
  required?: string[] | undefined;
  enum?: unknown[] | undefined;
  pattern?: string | undefined;
  minLength?: number | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  "x-kubernetes-int-or-string"?: boolean | undefined;
}

const Schema: v.GenericSchema<unknown, Schema> = v.object({
  type: v.optional(v.string()),
  properties: v.optional(
    v.record(
      v.string(),
      v.lazy(() => Schema),
    ),
  ),
  additionalProperties: v.optional(v.lazy(() => Schema)),
  items: v.optional(v.lazy(() => Schema)),
  required: v.optional(v.array(v.string())),
  enum: v.optional(v.array(v.unknown())),
  pattern: v.optional(v.string()),
  minLength: v.optional(v.number()),
  minimum: v.optional(v.number()),
  maximum: v.optional(v.number()),
  "x-kubernetes-int-or-string": v.optional(v.boolean()),
});

const Definition = v.object({
  spec: v.object({
    group: v.string(),
    names: v.object({ kind: v.string() }),
    versions: v.array(v.object({ name: v.string(), schema: v.object({ openAPIV3Schema: Schema }) })),
  }),
});

/** The schema of a CustomResourceDefinition's first version, and how its objects call themselves. */
export function readDefinition(yaml: string) {
  const { group, names, versions } = v.parse(Definition, Bun.YAML.parse(yaml)).spec;
  const { name, schema } = versions[0]!;
  return { apiVersion: `${group}/${name}`, kind: names.kind, schema: schema.openAPIV3Schema };
}

/** What is wrong with a value, place by place. Members that the schema does not know are wrong: the server would drop them. */
export function faultsOf(value: unknown, schema: Schema, at = ""): string[] {
  if (schema["x-kubernetes-int-or-string"])
    return isIntOrString(value) ? [] : [`${at}: not an int or string`];
  if (schema.type !== undefined && typeOf(value) !== schema.type && !isInteger(value, schema))
    return [`${at}: expected ${schema.type}, not ${JSON.stringify(value)}`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => faultsOf(item, schema.items ?? {}, `${at}/${index}`));
  if (v.is(v.record(v.string(), v.unknown()), value)) return objectFaults(value, schema, at);
  return scalarFaults(value, schema).map((fault) => `${at}: ${fault}, not ${JSON.stringify(value)}`);
}

function objectFaults(value: Record<string, unknown>, schema: Schema, at: string): string[] {
  const { properties = {}, additionalProperties, required = [] } = schema;
  // An object without either is free: metadata.
  const free = schema.properties === undefined && additionalProperties === undefined;
  const missing = required.filter((name) => !(name in value)).map((name) => `${at}: ${name} is missing`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const known = properties[name] ?? additionalProperties;
    if (known === undefined) return free ? [] : [`${at}/${name}: not known`];
    return faultsOf(member, known, `${at}/${name}`);
  });
  return [...missing, ...wrong];
}

function* scalarChecks(value: unknown, schema: Schema): Generator<string> {
  if (schema.enum !== undefined && !schema.enum.includes(value))
    yield `expected one of ${schema.enum.join()}`;
  if (typeof value === "string") {
    if (value.length < (schema.minLength ?? 0)) yield "too short";
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
      yield `expected ${schema.pattern}`;
  }
  if (typeof value === "number") {
    if (value < (schema.minimum ?? -Infinity)) yield "too small";
    if (value > (schema.maximum ?? Infinity)) yield "too large";
  }
}

const scalarFaults = (value: unknown, schema: Schema): string[] => [...scalarChecks(value, schema)];

const isIntOrString = (value: unknown): boolean => Number.isInteger(value) || typeof value === "string";
const isInteger = (value: unknown, { type }: Schema): boolean =>
  type === "integer" && Number.isInteger(value);

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}
