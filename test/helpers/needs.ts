import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { multiarch, type Need } from "../../src/native/packages.ts";

export const PROMETHEUS: Need = {
  what: "Prometheus",
  present: () => ["prometheus", "promtool"].every((name) => Bun.which(name) !== null),
  debian: ["prometheus"],
};

/** What the tests run beside sidepost: a real Kafka from Maven Central, and a consumer that is not ours. */
export const TEST_NEEDS: Need[] = [
  { what: "kcat", present: () => Bun.which("kcat") !== null, debian: ["kcat"] },
  {
    what: "libfaketime",
    present: () => [...new Bun.Glob("*/faketime/libfaketimeMT.so.1").scanSync("/usr/lib")].length > 0,
    debian: ["faketime"],
  },
  { what: "curl", present: () => Bun.which("curl") !== null, debian: ["curl"] },
  { what: "Maven", present: () => Bun.which("mvn") !== null, debian: ["maven"] },
  {
    what: "Java 17 or newer",
    present: () => javaMajor() >= 17,
    debian: ["openjdk-17-jre-headless | default-jre-headless (>= 2:1.17)"],
  },
  { what: "OpenSSL's command", present: () => Bun.which("openssl") !== null, debian: ["openssl"] },
  { what: "a Kerberos KDC", present: () => Bun.which("krb5kdc") !== null, debian: ["krb5-kdc"] },
  { what: "kadmin.local", present: () => Bun.which("kadmin.local") !== null, debian: ["krb5-admin-server"] },
  { what: "kinit", present: () => Bun.which("kinit") !== null, debian: ["krb5-user"] },
  PROMETHEUS,
  {
    what: "GSSAPI for Cyrus SASL",
    present: () => existsSync(`/usr/lib/${multiarch}/sasl2/libgssapiv2.so`),
    debian: ["libsasl2-modules-gssapi-mit"],
  },
];

/** The major version of `java` on the PATH by its `release` file, 0 where there is none: no JVM is started for it. */
function javaMajor(): number {
  const java = Bun.which("java");
  if (java === null) return 0;
  const release = join(realpathSync(java), "../../release");
  const version = existsSync(release) && /^JAVA_VERSION="(\d+)/m.exec(readFileSync(release, "utf8"));
  return version ? Number(version[1]) : 0;
}
