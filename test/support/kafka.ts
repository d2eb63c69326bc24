/** The Kafka that `npm test` found or started; null where there is none, which it has said with the reason. */
export function testKafka(): string | null {
  const servers = process.env['KAFKA_BOOTSTRAP_SERVERS'];
  return servers === undefined || servers === '' ? null : servers;
}

/**
 * `describe` for tests that need a real Kafka. Where there is none they count as skipped, and the reason is printed;
 * `REQUIRE_SERVICES=kafka npm test` fails before it comes to that.
 */
export function describeWithKafka(name: string, tests: (bootstrap: string) => void): void {
  const servers = testKafka();
  if (servers !== null) {
    describe(name, () => {
      tests(servers);
    });
    return;
  }
  process.stderr.write(
    `SKIPPED ${name}: KAFKA_BOOTSTRAP_SERVERS is not set; run npm test, or eval "$(npm run -s services -- up kafka)"\n`,
  );
  // The tests are still declared, so that they are counted.
  describe.skip(name, () => {
    tests('127.0.0.1:1');
  });
}
