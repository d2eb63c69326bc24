// What a Kafka broker is run from: a Java runtime, and Kafka's jars in a cache folder, fetched by Maven.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { debianProgram } from './debian.mjs';
import { withLock } from './lock.mjs';
import { Unavailable } from './unavailable.mjs';

export const KAFKA_VERSION = '4.1.1';
const JAVA_NEEDED = 17;
const FETCH_TIMEOUT_MS = 10 * 60_000;

/** slf4j-simple: without it the broker says nothing at all, not even why it ends. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fairline</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** @typedef {{ java: import('./debian.mjs').Program, classPath: string }} KafkaFiles */

/**
 * @param {(line: string) => void} say
 * @returns {KafkaFiles}
 * @throws {Unavailable} where they are not here and cannot be had
 */
export function kafkaFiles(say) {
  const java = debianProgram({ program: 'java', package: 'default-jre-headless', say });
  refuseOldJava(java);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', 'kafka');
  const libs = join(cache, KAFKA_VERSION);
  if (!existsSync(libs)) {
    mkdirSync(cache, { recursive: true });
    // Another run may be at it: wait for it, and look again.
    withLock(join(cache, `.lock-${KAFKA_VERSION}`), () => existsSync(libs) || fetchJars(cache, libs, say));
  }
  return { java, classPath: join(libs, '*') };
}

function refuseOldJava({ command, env }) {
  const { stderr } = spawnSync(command, ['-version'], { env, encoding: 'utf8' });
  const version = Number(/version "(\d+)/.exec(stderr ?? '')?.[1]);
  if (!(version >= JAVA_NEEDED)) {
    throw new Unavailable(
      `${command} is not Java ${JAVA_NEEDED} or later, which Kafka ${KAFKA_VERSION} needs`,
    );
  }
}

function fetchJars(cache, libs, say) {
  const maven = debianProgram({ program: 'mvn', package: 'maven', say });
  const work = mkdtempSync(join(cache, 'work-'));
  try {
    say(`fetching Kafka ${KAFKA_VERSION} by Maven…`);
    writeFileSync(join(work, 'pom.xml'), POM);
    const options = [
      `-Dmaven.repo.local=${join(work, 'repository')}`,
      `-DoutputDirectory=${join(work, 'libs')}`,
    ];
    const goal = ['-B', '-q', 'dependency:copy-dependencies', '-DincludeScope=runtime'];
    const { status, stdout, error } = spawnSync(maven.command, [...goal, ...options], {
      cwd: work,
      env: maven.env,
      encoding: 'utf8',
      timeout: FETCH_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) {
      const why =
        error?.message ?? stdout.split('\n').find((line) => line.includes('ERROR')) ?? `exit code ${status}`;
      throw new Unavailable(`Kafka's jars could not be fetched by Maven (${why.trim()})`);
    }
    renameSync(join(work, 'libs'), libs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
