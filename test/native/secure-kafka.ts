import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/native/toolchain.ts";
import { address, brokerAnswers, formatBroker, spawnBroker } from "../helpers/kafka-broker.ts";
import { kafkaClassPath } from "../helpers/kafka-jars.ts";
import { freePorts } from "../helpers/ports.ts";

/** A real broker with a listener for each way in. Disposing of it ends it and removes its data. */
export interface SecureKafka extends AsyncDisposable {
  plaintext: string;
  /** SASL_PLAINTEXT: PLAIN and SCRAM as alice with alice-secret, OAUTHBEARER with unsecured tokens. */
  sasl: string;
  /** TLS with a certificate of its own making for 127.0.0.1. */
  tls: string;
  /** That certificate, a PEM file. */
  certificate: string;
}

const MECHANISMS = "org.apache.kafka.common.security";
const PASSWORD = "keystore-secret";

export async function startSecureKafka(): Promise<SecureKafka> {
  const [port, controllerPort, saslPort, tlsPort] = (await freePorts(4)) as [number, number, number, number];
  const folder = mkdtempSync(join(tmpdir(), "sidepost-secure-"));
  const classPath = await kafkaClassPath();
  const node = { id: 1, port, controllerPort, folder: join(folder, "broker") };
  const keystore = await makeKeystore(folder);
  const open = `PLAINTEXT://${address(node)},SASL://127.0.0.1:${saslPort},TLS://127.0.0.1:${tlsPort}`;
  await formatBroker(node, [node], classPath, {
    listeners: `${open},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": open,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL",
    ...sasl("listener.name.sasl"),
    "listener.name.tls.ssl.keystore.location": keystore.file,
    "listener.name.tls.ssl.keystore.password": PASSWORD,
  });
  const broker = spawnBroker(node, classPath);
  const dispose = async () => {
    broker.kill("SIGKILL");
    await broker.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await brokerAnswers(node, broker, 1);
    await addScramUser(classPath, address(node));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    plaintext: address(node),
    sasl: `127.0.0.1:${saslPort}`,
    tls: `127.0.0.1:${tlsPort}`,
    certificate: keystore.certificate,
    [Symbol.asyncDispose]: dispose,
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
