/** The Redis that `npm test` found or started; null where there is none, which it has said with the reason. */
export function testRedisUrl(): string | null {
  const url = process.env['REDIS_URL'];
  return url === undefined || url === '' ? null : url;
}

/**
 * `describe` for tests that need a real Redis. Where there is none they count as skipped, and the reason is printed;
 * `REQUIRE_SERVICES=redis npm test` fails before it comes to that.
 */
export function describeWithRedis(name: string, tests: (url: string) => void): void {
  const url = testRedisUrl();
  if (url !== null) {
    describe(name, () => {
      tests(url);
    });
    return;
  }
  process.stderr.write(
    `SKIPPED ${name}: REDIS_URL is not set; run npm test, or eval "$(npm run -s services -- up redis)"\n`,
  );
  // The tests are still declared, so that they are counted.
  describe.skip(name, () => {
    tests('redis://127.0.0.1:1');
  });
}
