import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/native/toolchain.ts";

const KAFKA_VERSION = "4.1.1";
const COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>sidepost</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** The Java class path of Apache Kafka. Downloads it once a machine, into the user's cache folder. */
export async function kafkaClassPath(): Promise<string> {
  const jars = join(cacheFolder(), `kafka-${KAFKA_VERSION}`);
  if (!existsSync(jars)) await download(jars);
  return join(jars, "*");
}

/** flock: of processes that ask at once one downloads and the others wait. mv: half a download is never seen. */
async function download(jars: string): Promise<void> {
  mkdirSync(cacheFolder(), { recursive: true });
  const script = `exec 2>&1
    [ -d "$1" ] && exit 0
    rm -rf "$1.partial"
    printf %s "$2" > "$1.pom.xml"
    mvn -q -B -f "$1.pom.xml" ${COPY_DEPENDENCIES} -DoutputDirectory="$1.partial" -DincludeScope=runtime &&
    mv "$1.partial" "$1"`;
  const child = Bun.spawn(["flock", `${jars}.lock`, "sh", "-c", script, "sh", jars, POM], {
    stdin: "ignore",
  });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`Maven could not fetch Kafka ${KAFKA_VERSION}:\n${output}`);
}
