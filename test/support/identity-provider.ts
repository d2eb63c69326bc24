import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTHeaderParameters } from 'jose';
import { freePort } from '../../src/database/embedded/free-port.js';

export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

interface Pair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/** An identity provider: it has a key of each algorithm, each under the algorithm's name, and serves the public ones. */
export class IdentityProvider {
  /** How often its keys were asked for. */
  asked = 0;

  private constructor(
    readonly url: string,
    private readonly server: Server,
    private readonly pairs: ReadonlyMap<Algorithm, Pair>,
  ) {}

  static async start(): Promise<IdentityProvider> {
    const pairs = new Map<Algorithm, Pair>();
    for (const alg of ALGORITHMS) pairs.set(alg, await generateKeyPair(alg, { extractable: true }));
    const keys = await Promise.all(
      [...pairs].map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid: alg, alg })),
    );
    const port = await freePort();
    const server = createServer((_, response) => {
      provider.asked++;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    });
    const provider = new IdentityProvider(`http://127.0.0.1:${port}/jwks.json`, server, pairs);
    await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
    return provider;
  }

  pair(alg: Algorithm): Pair {
    const pair = this.pairs.get(alg);
    if (pair === undefined) throw new Error(`no key of ${alg}`);
    return pair;
  }

  sign(
    alg: Algorithm,
    claims: Readonly<Record<string, unknown>>,
    header: Partial<JWTHeaderParameters> = {},
  ): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg, kid: alg, ...header })
      .sign(this.pair(alg).privateKey);
  }

  async close(): Promise<void> {
    await new Promise((closed) => this.server.close(closed));
  }
}
