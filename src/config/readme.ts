import { configTable } from "./describe.ts";

/** The README with its table of variables made anew. */
export const withConfigTable = (readme: string): string =>
  readme.replace(
    /(<!-- config:begin -->\n).*(<!-- config:end -->)/s,
    (_, begin: string, end: string) => `${begin}\n${configTable()}\n\n${end}`,
  );

if (import.meta.main) {
  const file = Bun.file(new URL("../../README.md", import.meta.url));
  await file.write(withConfigTable(await file.text()));
}
