import { realpathSync } from "node:fs";
import * as v from "valibot";

import { ensurePackages, type Need } from "../../src/native/packages.ts";
import { run } from "../../src/native/toolchain.ts";

/** An image made from the Dockerfile. Disposing of it removes it. */
export interface Image extends AsyncDisposable {
  config: ImageConfig;
  /** All that is in it. */
  files: { path: string; bytes: number }[];
  /**
   * Starts its entrypoint as its user, with the host's network and a root filesystem that is read-only; `folder` is one
   * of the host's that it sees at the same path. Arguments may follow; of the environment it gets what is read here.
   */
  command: (folder?: string) => string[];
  /** Writes it into an archive that a container runtime can load. */
  save(archive: string): Promise<void>;
}

const ImageConfig = v.object({
  User: v.string(),
  Entrypoint: v.array(v.string()),
  ExposedPorts: v.record(v.string(), v.object({})),
  Healthcheck: v.object({ Test: v.array(v.string()) }),
  Labels: v.record(v.string(), v.string()),
  StopSignal: v.string(),
});
type ImageConfig = v.InferOutput<typeof ImageConfig>;

const DockerConfig = v.pipe(v.string(), v.parseJson(), ImageConfig);
const BuildahImage = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ Docker: v.object({ config: ImageConfig }) }),
);

const TAG = "localhost/sidepost:test";
const CA = "/run/network-ca.crt";
const ENVIRONMENT = [
  "KAFKA_BROKER_LIST",
  "SERVER_ADDRESS",
  "METRICS_PORT",
  "RDKAFKA_SECURITY_PROTOCOL",
  "RDKAFKA_SASL_MECHANISM",
  "RDKAFKA_SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN",
  "RDKAFKA_SASL_OAUTHBEARER_CLIENT_ID",
  "RDKAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
  "RDKAFKA_SASL_OAUTHBEARER_METHOD",
  "RDKAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
  "KRB5_CLIENT_KTNAME",
  "KRB5_CONFIG",
  "KRB5CCNAME",
  "SPOOL_MODE",
];
/** What a container without privileges of its own can do. */
const BUILDAH = { BUILDAH_ISOLATION: "chroot", STORAGE_DRIVER: "vfs", ...process.env };

/**
 * Builds the image: with buildah on base images that `script NAME:TAG [PROGRAM:NAME]` makes, or, without a script,
 * with docker on those of the registry. Throws with the builder's last words.
 */
export const buildImage = (script: string | undefined): Promise<Image> =>
  script === undefined ? buildWithDocker() : buildWithBuildah(script);

async function buildWithDocker(): Promise<Image> {
  await run(["docker", "build", "--tag", TAG, "."]);
  const config = await output(["docker", "image", "inspect", "--format={{json .Config}}", TAG]);
  const container = await output(["docker", "create", TAG]);
  const files = await contents(`docker export ${container}`);
  await run(["docker", "rm", container]);
  const start = ["docker", "run", "--rm", "--network=host", "--read-only", "--cap-drop=ALL"];
  const environment = ENVIRONMENT.flatMap((name) => ["--env", name]);
  return {
    config: v.parse(DockerConfig, config),
    files,
    command: (folder) => {
      const volume = folder === undefined ? [] : [`--volume=${folder}:${folder}:ro`];
      return [...start, ...environment, ...volume, TAG];
    },
    save: (archive) => run(["docker", "save", "--output", archive, TAG]),
    [Symbol.asyncDispose]: () => run(["docker", "image", "rm", TAG]),
  };
}

// chroot(1) and not `buildah run`, so that signals and exit codes are the program's own. It finds itself by /proc.
const START = `root=$1 user=$2 folder=$3 && shift 3 && mount --bind "$root" "$root" &&
  if [ -n "$folder" ]; then mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder"; fi &&
  mount -o remount,bind,ro "$root" && mount -t proc proc "$root/proc" &&
  exec chroot --userspec="$user" "$root" "$@"`;

const BUILDAH_NEEDS: Need[] = ["buildah", "debootstrap"].map((name) => ({
  what: name,
  present: () => Bun.which(name) !== null,
  debian: [name],
}));

async function buildWithBuildah(script: string): Promise<Image> {
  await ensurePackages(BUILDAH_NEEDS);
  await run([script, "docker.io/library/debian:12-slim"], { env: BUILDAH });
  await run([script, "docker.io/oven/bun:1.4.5", `${realpathSync(process.execPath)}:bun`], { env: BUILDAH });
  const build = [
    "buildah",
    "build",
    "--no-cache",
    "--force-rm",
    "--format=docker",
    "--pull=never",
    "--network=host",
    ...networkCa(),
  ];
  await run([...build, "--tag", TAG, "."], { env: BUILDAH });
  const { Docker } = v.parse(BuildahImage, await output(["buildah", "inspect", "--type=image", TAG]));
  const { config } = Docker;
  const container = await output(["buildah", "from", "--pull=never", TAG]);
  const root = await output(["buildah", "mount", container]);
  const start = ["unshare", "--mount", "sh", "-c", START, "sh", root, config.User];
  return {
    config,
    files: await contents(`tar --create --directory=${root} .`),
    command: (folder = "") => [...start, folder, ...config.Entrypoint],
    save: (archive) => run(["buildah", "push", TAG, `docker-archive:${archive}:${TAG}`], { env: BUILDAH }),
    async [Symbol.asyncDispose]() {
      await run(["buildah", "rm", container], { env: BUILDAH });
      await run(["buildah", "rmi", TAG], { env: BUILDAH });
    },
  };
}

/** Where the network's proxy re-signs TLS, the build has to trust it, too. */
function networkCa(): string[] {
  const path = process.env["NODE_EXTRA_CA_CERTS"];
  return path === undefined ? [] : [`--volume=${path}:${CA}:ro`, `--build-arg=NODE_EXTRA_CA_CERTS=${CA}`];
}

/** What a command writes as a tar archive. */
async function contents(archive: string): Promise<Image["files"]> {
  const lines = await output(["sh", "-c", `${archive} | tar --list --verbose`]);
  return [...lines.matchAll(/^\S+ \S+ +(\d+) \S+ \S+ (?:\.?\/)?(\S*)/gm)].map(([, bytes, path]) => ({
    path: path!,
    bytes: Number(bytes),
  }));
}

async function output(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { env: BUILDAH, stderr: "inherit" });
  const text = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return text.trim();
}
