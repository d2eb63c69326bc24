import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSigner } from 'fast-jwt';

/** Of the application under load, and of its customers' tokens. */
export const BENCH_SECRET = randomBytes(32).toString('base64url');
/** More than any machine of today answers; a load that needs more fails and says so. */
const PER_SECOND = 40_000;

/**
 * A file with a token a line: of the customer of each request that `load.lua` will send for this event in so many
 * seconds, as an identity provider that shares our secret would sign them. Returns its path.
 */
export async function writeTokens(folder: string, event: string, seconds: number): Promise<string> {
  const sign = createSigner({ key: BENCH_SECRET, algorithm: 'HS256', expiresIn: 3_600_000 });
  const count = Math.ceil(seconds * PER_SECOND);
  const tokens = Array.from({ length: count }, (_, index) => sign({ sub: `${event}-0-${index + 1}` }));
  const path = join(folder, `${event}.tokens`);
  await writeFile(path, `${tokens.join('\n')}\n`);
  return path;
}
