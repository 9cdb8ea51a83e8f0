import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../src/native/toolchain.ts";
import { buildImage } from "../docker/image.ts";
import { kube } from "../helpers/helm.ts";

/** The same image under two tags, so that there is something to upgrade to. */
export const SIDEPOST = { repository: "localhost/sidepost", tag: "test", nextTag: "next" };
export const POSTER = "localhost/poster:test";

/** An archive of sidepost's image: SIDEPOST_TEST_IMAGE, where there is that file; otherwise the image is built. */
export async function sidepostArchive(folder: string): Promise<string> {
  const built = process.env["SIDEPOST_TEST_IMAGE"];
  if (built !== undefined && existsSync(built)) return built;
  const archive = join(folder, "sidepost.tar");
  await using image = await buildImage(join(kube(), "base-image.sh"));
  await image.save(archive);
  return archive;
}

/** An archive of the posters' image: the program and the libraries that it is linked with, and nothing else. */
export async function posterArchive(folder: string): Promise<string> {
  const root = join(folder, "poster");
  const program = join(root, "usr/local/bin/poster");
  const source = join(import.meta.dir, "poster.ts");
  await run([process.execPath, "build", "--compile", "--outfile", program, source]);
  const libraries = await Bun.$`ldd ${program}`.text();
  for (const [path] of libraries.matchAll(/\/\S+/g)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  const archive = join(folder, "poster.tar");
  await run([join(kube(), "image.sh"), root, POSTER, archive, "/usr/local/bin/poster"]);
  return archive;
}
