import { startKafkaListeners } from "../helpers/kafka-listeners.ts";
import { startKdc } from "../helpers/kdc.ts";

/** A real broker that asks for a Kerberos ticket, and the KDC that gives it. Disposing of it ends both. */
export interface KerberosKafka extends AsyncDisposable {
  /** SASL_PLAINTEXT with GSSAPI, of the service `kafka`. */
  sasl: string;
  /** How alice proves herself. */
  alice: { principal: string; keytab: string };
  /** What a client's process needs in its environment. */
  env: { KRB5_CONFIG: string; KRB5CCNAME: string };
}

export async function startKerberosKafka(): Promise<KerberosKafka> {
  await using started = new AsyncDisposableStack();
  const kdc = started.use(await startKdc());
  const service = "kafka/127.0.0.1";
  const login = [
    "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true",
    `keyTab="${await kdc.keytab(service)}" principal="${service}@${kdc.realm}";`,
  ];
  const kafka = started.use(
    await startKafkaListeners({
      protocols: { SASL: "SASL_PLAINTEXT" },
      properties: {
        "listener.name.sasl.sasl.enabled.mechanisms": "GSSAPI",
        "listener.name.sasl.gssapi.sasl.jaas.config": login.join(" "),
        "sasl.kerberos.service.name": "kafka",
      },
      java: [`-Djava.security.krb5.conf=${kdc.config}`],
    }),
  );
  const keytab = await kdc.keytab("alice");
  const running = started.move();
  return {
    sasl: kafka.at.SASL,
    alice: { principal: `alice@${kdc.realm}`, keytab },
    env: { KRB5_CONFIG: kdc.config, KRB5CCNAME: kdc.cache },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
