import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/native/toolchain.ts";
import { freePorts } from "./ports.ts";
import { waitUntil } from "./wait.ts";

/** A Kerberos realm of its own: MIT's KDC on 127.0.0.1. Disposing of it ends it and removes its data. */
export interface Kdc extends AsyncDisposable {
  realm: string;
  /** The path of the krb5.conf of its clients, for KRB5_CONFIG. */
  config: string;
  /** Makes a principal and answers the path of its keytab. */
  keytab(principal: string): Promise<string>;
  /** A path for a credentials cache, for KRB5CCNAME. */
  cache: string;
}

const REALM = "SIDEPOST.TEST";

/** Starts the KDC; it answers when this resolves. Throws with its output where it does not start. */
export async function startKdc(): Promise<Kdc> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-kdc-"));
  const [port] = (await freePorts(1)) as [number];
  const config = join(folder, "krb5.conf");
  writeFileSync(config, clientConfig(port));
  writeFileSync(join(folder, "kdc.conf"), serverConfig(port, folder));
  mkdirSync(join(folder, "keytabs"));
  const env = { ...process.env, KRB5_CONFIG: config, KRB5_KDC_PROFILE: join(folder, "kdc.conf") };
  await run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master-secret"], { env });
  const server = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "krb5kdc", "-n"], {
    env,
    stdio: ["ignore", "ignore", "ignore"],
  });
  const dispose = async () => {
    server.kill("SIGKILL");
    await server.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(
      () => listening(port),
      10_000,
      () => new Error("the KDC did not start"),
    );
  } catch (error) {
    await dispose();
    throw error;
  }
  const admin = (query: string[]) => run(["kadmin.local", "-r", REALM, ...query], { env });
  return {
    realm: REALM,
    config,
    cache: join(folder, "credentials"),
    keytab: async (principal) => {
      const file = join(folder, "keytabs", principal.replaceAll("/", "-"));
      await admin(["addprinc", "-randkey", principal]);
      await admin(["ktadd", "-k", file, principal]);
      return file;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function listening(port: number): Promise<true | undefined> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).catch(
    () => undefined,
  );
  socket?.end();
  return socket && true;
}

/** No name of this machine is looked up: 127.0.0.1 is the broker's name. TCP alone, for one port. */
const clientConfig = (port: number) => `[libdefaults]
  default_realm = ${REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  ${REALM} = {
    kdc = 127.0.0.1:${port}
  }
`;

const serverConfig = (port: number, folder: string) => `[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${REALM} = {
    database_name = ${join(folder, "principal")}
    key_stash_file = ${join(folder, "stash")}
    acl_file = ${join(folder, "acl")}
  }
[logging]
  kdc = FILE:${join(folder, "kdc.log")}
  admin_server = FILE:${join(folder, "admin.log")}
`;
