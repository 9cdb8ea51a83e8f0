import { existsSync } from "node:fs";

/** One thing that a build or a test needs from the operating system. */
export interface Need {
  what: string;
  /** Whether the machine has it. Cheap: this runs at every start in development. */
  present: () => boolean;
  /** The Debian packages that bring it, in Debian's dependency syntax (`a (>= 2) | b` is allowed). */
  debian: string[];
}

/** The machine that packages go to. */
export interface Machine {
  root: boolean;
  /** Debian, Ubuntu and their kin. */
  apt: boolean;
  /** Whether packages may be installed without asking. */
  install: boolean;
  run: (command: string[]) => Promise<{ code: number; output: string }>;
  say: (line: string) => void;
}

/** The folder of this machine's libraries and headers in Debian's layout. */
export const multiarch = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

const command = (name: string) => () => Bun.which(name) !== null;
const header = (name: string) => () =>
  existsSync(`/usr/include/${name}`) || existsSync(`/usr/include/${multiarch}/${name}`);

/** What the native core is compiled with and linked to. */
export const NATIVE_NEEDS: Need[] = [
  { what: "a C++ compiler", present: command("g++"), debian: ["g++"] },
  { what: "make", present: command("make"), debian: ["make"] },
  { what: "pkg-config", present: command("pkg-config"), debian: ["pkg-config"] },
  { what: "OpenSSL", present: header("openssl/ssl.h"), debian: ["libssl-dev"] },
  { what: "zlib", present: header("zlib.h"), debian: ["zlib1g-dev"] },
  { what: "Zstandard", present: header("zstd.h"), debian: ["libzstd-dev"] },
  { what: "Cyrus SASL", present: header("sasl/sasl.h"), debian: ["libsasl2-dev"] },
  { what: "libcurl", present: header("curl/curl.h"), debian: ["libcurl4-openssl-dev"] },
];

/**
 * Installs what is missing where it may (root, apt, and no SIDEPOST_NO_INSTALL=1), one process at a time.
 * Otherwise throws an Error that says what is missing and the one command that brings it.
 */
export async function ensurePackages(needs: Need[], machine: Machine = thisMachine()): Promise<void> {
  const missing = needs.filter((need) => !need.present());
  if (missing.length === 0) return;
  const names = missing.map((need) => need.what).join(", ");
  if (!machine.apt) {
    throw new Error(
      `missing: ${names}; build on Debian or Ubuntu, or use the image, or install these by hand`,
    );
  }
  const packages = missing.flatMap((need) => need.debian).join(", ");
  if (!machine.root || !machine.install) {
    throw new Error(`missing: ${names}; install with:\n${aptCommand(packages, machine.root)}`);
  }

  machine.say(`installing ${packages} (set SIDEPOST_NO_INSTALL=1 to do it yourself)`);
  const { code, output } = await machine.run(aptInstall(packages));
  const still = missing.filter((need) => !need.present()).map((need) => need.what);
  if (code !== 0 || still.length > 0) {
    throw new Error(`apt-get could not bring ${still.join(", ") || names}:\n${output.trim()}`);
  }
}

/** The line to paste into a shell. */
function aptCommand(packages: string, root: boolean): string {
  const apt = `${root ? "" : "sudo "}apt-get`;
  return `${apt} update && ${apt} satisfy -y --no-install-recommends "${packages}"`;
}

/**
 * `satisfy` leaves what is installed as it is and knows alternatives. The lists' lock has no timeout of its own,
 * so flock keeps two of us apart. A failed update matters only if the packages cannot be had.
 */
function aptInstall(packages: string): string[] {
  const script =
    "apt-get update -qq; apt-get satisfy -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 " +
    '-o Dpkg::Use-Pty=0 "$1"';
  return ["flock", "/var/lib/dpkg", "sh", "-c", script, "sh", packages];
}

function thisMachine(): Machine {
  return {
    root: process.getuid?.() === 0,
    apt: Bun.which("apt-get") !== null,
    install: process.env["SIDEPOST_NO_INSTALL"] !== "1",
    run: runApt,
    say: (line) => void process.stderr.write(`${line}\n`),
  };
}

async function runApt(commandLine: string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const child = Bun.spawn(["sh", "-c", 'exec "$@" 2>&1', "sh", ...commandLine], { env, stdin: "ignore" });
  const output = await child.stdout.text();
  return { code: await child.exited, output };
}
