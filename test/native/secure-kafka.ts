import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/native/toolchain.ts";
import { startKafkaListeners } from "../helpers/kafka-listeners.ts";

/** A real broker with a listener for each way in. Disposing of it ends it and removes its data. */
export interface SecureKafka extends AsyncDisposable {
  plaintext: string;
  /** SASL_PLAINTEXT: PLAIN and SCRAM as alice with alice-secret, OAUTHBEARER with unsecured tokens. */
  sasl: string;
  /** TLS with a certificate of its own making for 127.0.0.1. */
  tls: string;
  /** SASL_SSL: what the two above take, together. */
  saslTls: string;
  /** That certificate, a PEM file. */
  certificate: string;
}

const MECHANISMS = "org.apache.kafka.common.security";
const PASSWORD = "keystore-secret";

export async function startSecureKafka(): Promise<SecureKafka> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-secure-"));
  await using started = new AsyncDisposableStack();
  started.defer(() => rmSync(folder, { recursive: true, force: true }));
  const keystore = await makeKeystore(folder);
  const kafka = started.use(
    await startKafkaListeners({
      protocols: { SASL: "SASL_PLAINTEXT", TLS: "SSL", SASLTLS: "SASL_SSL" },
      properties: {
        ...sasl("listener.name.sasl"),
        ...sasl("listener.name.sasltls"),
        "ssl.keystore.location": keystore.file,
        "ssl.keystore.password": PASSWORD,
      },
    }),
  );
  await addScramUser(kafka.classPath, kafka.plaintext);
  const running = started.move();
  return {
    plaintext: kafka.plaintext,
    sasl: kafka.at.SASL,
    tls: kafka.at.TLS,
    saslTls: kafka.at.SASLTLS,
    certificate: keystore.certificate,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function sasl(listener: string): Record<string, string> {
  const module = (mechanism: string, name: string, options = "") => ({
    [`${listener}.${mechanism}.sasl.jaas.config`]: `${MECHANISMS}.${name} required${options};`,
  });
  return {
    [`${listener}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    ...module("plain", "plain.PlainLoginModule", ' user_alice="alice-secret"'),
    ...module("scram-sha-256", "scram.ScramLoginModule"),
    ...module("scram-sha-512", "scram.ScramLoginModule"),
    ...module("oauthbearer", "oauthbearer.OAuthBearerLoginModule", ' unsecuredLoginStringClaim_sub="broker"'),
  };
}

/** Kafka changes one mechanism of a user in one request. */
async function addScramUser(classPath: string, bootstrap: string): Promise<void> {
  const command = ["java", "-cp", classPath, "kafka.admin.ConfigCommand", "--bootstrap-server", bootstrap];
  const user = ["--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config"];
  const mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
  await Promise.all(mechanisms.map((name) => run([...command, ...user, `${name}=[password=alice-secret]`])));
}

/** A new key and its self-signed certificate, as the broker reads it and as a client does. */
async function makeKeystore(folder: string): Promise<{ file: string; certificate: string }> {
  const file = join(folder, "keystore.p12");
  const certificate = join(folder, "certificate.pem");
  const store = ["-keystore", file, "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", "broker"];
  const subject = ["-dname", "CN=sidepost test", "-ext", "SAN=IP:127.0.0.1", "-validity", "2"];
  await run(["keytool", "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", ...subject, ...store]);
  await run(["keytool", "-exportcert", "-rfc", "-file", certificate, ...store]);
  return { file, certificate };
}
