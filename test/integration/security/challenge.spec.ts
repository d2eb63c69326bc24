import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Logger } from '@nestjs/common';
import type { Test as Asked } from 'supertest';
import { AppError } from '../../../src/common/errors.js';
import type { ChallengeOutcome } from '../../../src/metrics/metrics.js';
import { Challenges, type Verifier } from '../../../src/security/challenge/challenges.js';
import { OperatorModule } from '../../../src/security/challenge/operator-module.js';
import { Siteverify } from '../../../src/security/challenge/siteverify.js';
import { startApp, unique, wish, type TestApp } from '../../support/app.js';

const SECRET = 'the secret of the site';

/** An endpoint of the siteverify form; what a solution says decides the answer. */
class Provider {
  readonly asked: Record<string, string>[] = [];
  private readonly server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      const form = Object.fromEntries(new URLSearchParams(body));
      this.asked.push(form);
      const answer = (status: number, json: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      };
      switch (form['response']) {
        case 'solved':
          return answer(200, { success: true });
        case 'wrong secret':
          return answer(200, { success: false, 'error-codes': ['invalid-input-secret'] });
        case 'broken':
          return answer(500, { success: false });
        case 'of another site':
          return answer(200, { success: false, 'error-codes': ['sitekey-secret-mismatch'] });
        case 'of no form':
          return answer(400, { success: false, 'error-codes': ['bad-request'] });
        case 'something-new-with-a-secret':
          return answer(200, { success: false, 'error-codes': ['secret-something'] });
        case 'internal':
          return answer(200, { success: false, 'error-codes': ['internal-error'] });
        case 'no secret':
          return answer(400, { success: false, 'error-codes': ['missing-input-secret'] });
        case 'no json':
          return void response.end('<html>');
        case 'silent':
          return undefined;
        default:
          return answer(200, { success: false, 'error-codes': ['timeout-or-duplicate'] });
      }
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((ready) => this.server.listen(0, '127.0.0.1', ready));
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new TypeError('It listens on no port');
    return `http://127.0.0.1:${address.port}/siteverify`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('a challenge before each acceptance', () => {
  const provider = new Provider();
  let url: string;
  beforeAll(async () => {
    url = await provider.listen();
  });
  afterAll(() => {
    provider.close();
  });

  describe('in the started application', () => {
    let test: TestApp;
    let offer: Parameters<typeof wish>[0];

    beforeAll(async () => {
      test = await startApp({
        CHALLENGE_URL: url,
        CHALLENGE_SECRET: SECRET,
        CHALLENGE_SITE_KEY: 'site-1',
        CHALLENGE_TIMEOUT_MS: '300',
        RATE_LIMIT_PER_CUSTOMER: '3/600s',
      });
      offer = await test.api.offer();
    });
    afterAll(async () => {
      await test.close();
    });
    beforeEach(() => {
      provider.asked.length = 0;
    });

    const book = (solution?: string, token?: string, userId = unique('fan')): Asked => {
      const asked = test.api.post('/api/bookings', wish(offer, { userId }), token);
      return solution === undefined ? asked : asked.set('Fairline-Challenge', solution);
    };

    it('whoever has solved it is let in; the provider is told the solution, the address and the secret', async () => {
      await book('solved').expect(202);
      expect(provider.asked).toEqual([{ secret: SECRET, response: 'solved', remoteip: '127.0.0.1' }]);
    });

    it('whoever shows nothing is told what to show, and the provider is not asked', async () => {
      const { status, body } = await book();
      expect({ status, body }).toMatchObject({
        status: 403,
        body: { code: 'CHALLENGE_REQUIRED', challenge: { header: 'fairline-challenge', siteKey: 'site-1' } },
      });
      expect(provider.asked).toEqual([]);
    });

    it('whoever has not solved it is refused, and nothing is accepted', async () => {
      const count = (): Promise<unknown> => test.ground.sql('select count(*) from booking');
      const before = await count();
      const { status, body } = await book('guessed');
      expect({ status, code: body.code }).toEqual({ status: 403, code: 'CHALLENGE_FAILED' });
      expect((await book('x'.repeat(9000))).body.code).toBe('CHALLENGE_FAILED');
      expect(provider.asked).toHaveLength(1);
      expect(await count()).toEqual(before);
    });

    it('where nobody can say, nobody is let in, within the time that is configured', async () => {
      for (const solution of ['silent', 'broken', 'no json', 'wrong secret']) {
        const { status, body, headers } = await book(solution);
        expect({ solution, status, code: body.code }).toEqual({ solution, status: 503, code: 'UNAVAILABLE' });
        expect(headers['retry-after']).toBe('5');
        expect(JSON.stringify(body)).not.toContain(SECRET);
      }
    });

    it('operators are not challenged, and nobody is who only reads', async () => {
      await book(undefined, test.api.operator).expect(202);
      await test.api.get('/api/offers').expect(200);
      expect(provider.asked).toEqual([]);
    });

    it('who is over their limit costs the provider nothing', async () => {
      const userId = unique('fan');
      for (let i = 0; i < 3; i++) await book('guessed', undefined, userId).expect(403);
      await book('solved', undefined, userId).expect(429);
      expect(provider.asked).toHaveLength(3);
    });
  });

  describe('by whoever verifies', () => {
    const who = { address: '203.0.113.7', userId: 'fan-1' };
    const outcomes: ChallengeOutcome[] = [];
    const challenges = (verifier: Verifier, onOutage: 'open' | 'closed', timeoutMs = 2000): Challenges =>
      new Challenges(
        verifier,
        { siteKey: null, timeoutMs, onOutage },
        { challenged: (how) => outcomes.push(how) },
      );
    const check = async (asked: Challenges, solution: string): Promise<string> => {
      try {
        await asked.check(solution, who);
        return 'in';
      } catch (error) {
        return error instanceof AppError ? error.code : String(error);
      }
    };
    beforeEach(() => {
      outcomes.length = 0;
    });

    it('fail-open lets everybody in whom nobody can judge, and still refuses what is wrong', async () => {
      const siteverify = new Siteverify(url, SECRET);
      const open = challenges(siteverify, 'open', 200);
      expect(await check(open, 'broken')).toBe('in');
      expect(await check(open, 'silent')).toBe('in');
      expect(await check(open, 'guessed')).toBe('CHALLENGE_FAILED');
      expect(outcomes).toEqual(['outage', 'outage', 'failed']);
      await siteverify.close();
      const nobody = new Siteverify('http://127.0.0.1:1/', SECRET);
      expect(await check(challenges(nobody, 'open'), 'solved')).toBe('in');
      await nobody.close();
    });

    it('fail-open lets nobody in whose solution was made elsewhere, is none, or is refused for whatever reason', async () => {
      const said = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
      const siteverify = new Siteverify(url, SECRET);
      const open = challenges(siteverify, 'open');
      for (const solution of ['of another site', 'of no form', 'something-new-with-a-secret'])
        expect({ solution, is: await check(open, solution) }).toEqual({ solution, is: 'CHALLENGE_FAILED' });
      // one line, not one for each
      expect(said.mock.calls).toEqual([
        [{ message: 'A solution was refused. The endpoint answered 200 sitekey-secret-mismatch' }],
      ]);
      for (const solution of ['wrong secret', 'no secret', 'internal', 'broken', 'no json'])
        expect({ solution, is: await check(open, solution) }).toEqual({ solution, is: 'in' });
      said.mockRestore();
      await siteverify.close();
    });

    it('a crowd waits for its turn at the provider, and is let in', async () => {
      const siteverify = new Siteverify(url, SECRET);
      const all = challenges(siteverify, 'closed', 30_000);
      const crowd = await Promise.all(Array.from({ length: 300 }, () => check(all, 'solved')));
      expect(new Set(crowd)).toEqual(new Set(['in']));
      await siteverify.close();
    });

    it('who waits for a turn that does not come is answered when the time is over, and the provider does not hear of them', async () => {
      provider.asked.length = 0;
      const siteverify = new Siteverify(url, SECRET);
      const all = challenges(siteverify, 'closed', 1000);
      const crowd = await Promise.all(Array.from({ length: 100 }, () => check(all, 'silent')));
      expect(new Set(crowd)).toEqual(new Set(['UNAVAILABLE']));
      // Some sixty had a connection; the others had none, and did not wait on for one.
      expect(provider.asked.length).toBeLessThan(100);
      await siteverify.close();
    });

    it('a module of the operator decides, whichever way it exports its function', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'fairline-challenge-'));
      try {
        const write = async (name: string, code: string): Promise<Challenges> => {
          await writeFile(join(folder, name), code);
          return challenges(await OperatorModule.load(join(folder, name)), 'closed', 200);
        };
        const own = await write(
          'own.mjs',
          'export default async (solution, { address, userId }) => solution === `${userId}@${address}`;',
        );
        expect(await check(own, 'fan-1@203.0.113.7')).toBe('in');
        expect(await check(own, 'fan-2@203.0.113.7')).toBe('CHALLENGE_FAILED');
        const common = await write('common.cjs', "module.exports = (solution) => solution === 'good';");
        expect(await check(common, 'good')).toBe('in');
        const truthy = await write('truthy.cjs', "module.exports = () => 'yes';");
        expect(await check(truthy, 'x')).toBe('CHALLENGE_FAILED');
        const throwing = await write('throwing.cjs', "module.exports = () => { throw new Error('no'); };");
        expect(await check(throwing, 'x')).toBe('UNAVAILABLE');
        const hanging = await write('hanging.cjs', 'module.exports = () => new Promise(() => undefined);');
        expect(await check(hanging, 'x')).toBe('UNAVAILABLE');
        await expect(write('empty.cjs', 'module.exports = {};')).rejects.toThrow('exports no function');
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });
});
