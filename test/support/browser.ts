import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const found = PLACES.find((place) => place !== undefined && existsSync(place));

/** `describe` where there is a browser; else it is said to be skipped, with the remedy. */
export function describeWithBrowser(name: string, suite: () => void): void {
  if (found !== undefined) return describe(name, suite);
  process.stderr.write(
    `SKIPPED ${name}: there is no Chromium; install chromium, or set CHROMIUM to its path\n`,
  );
  describe.skip(name, suite);
}

/** A browser that speaks to nobody but the server that it is sent to. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    ...(found !== undefined && { executablePath: found }),
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
