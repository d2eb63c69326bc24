/** The stripe-mock that `npm test` found or started; null where there is none, which it has said with the reason. */
function stripeMockUrl(): string | null {
  const url = process.env['STRIPE_MOCK_URL'];
  return url === undefined || url === '' ? null : url;
}

/**
 * `describe` for tests that need Stripe's own stripe-mock. Where there is none they count as skipped, and the reason
 * is printed; `REQUIRE_SERVICES=stripe-mock npm test` fails before it comes to that.
 */
export function describeWithStripeMock(name: string, tests: (url: string) => void): void {
  const url = stripeMockUrl();
  if (url !== null) {
    describe(name, () => {
      tests(url);
    });
    return;
  }
  process.stderr.write(
    `SKIPPED ${name}: STRIPE_MOCK_URL is not set; run npm test, or eval "$(npm run -s services -- up stripe-mock)"\n`,
  );
  // The tests are still declared, so that they are counted.
  describe.skip(name, () => {
    tests('http://127.0.0.1:1');
  });
}
