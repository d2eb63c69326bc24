import { Logger } from '@nestjs/common';
import { Agent, request } from 'undici';
import { Seldom } from '../../common/seldom.js';
import type { Challenged, Verifier } from './challenges.js';

/** A crowd at the door opens no more connections than this; the others wait their turn, or until their time is over. */
const CONNECTIONS = 64;
const MAX_ANSWER_BYTES = 65_536;
/**
 * What no client can bring about: it is with us or with the provider. Anything else may come of what a client sent, a
 * solution made on another site (`sitekey-secret-mismatch`) or one of no form at all (`bad-request`).
 */
const NOT_THE_CLIENTS = new Set(['invalid-input-secret', 'missing-input-secret', 'internal-error']);
/** What solutions are refused for every day. */
const EXPECTED = new Set(['invalid-input-response', 'missing-input-response', 'timeout-or-duplicate']);
/** One line in so long, whoever sends how much. */
const SAID_EVERY_MS = 10_000;
/** Characters of an answer that a line of the log shows. */
const MAX_SAID = 200;

/**
 * An endpoint of the form that Turnstile, hCaptcha and reCAPTCHA share: it is sent `secret`, `response` and `remoteip` as a
 * form, and answers JSON with `success`.
 */
export class Siteverify implements Verifier {
  private readonly logger = new Logger('challenge');
  private readonly sayings = new Seldom(SAID_EVERY_MS);
  private readonly agent = new Agent({ connections: CONNECTIONS, maxResponseSize: MAX_ANSWER_BYTES });

  constructor(
    private readonly url: string,
    private readonly secret: string,
  ) {}

  async verify(solution: string, { address }: Challenged, signal: AbortSignal): Promise<boolean> {
    const form = new URLSearchParams({ secret: this.secret, response: solution, remoteip: address });
    const { statusCode, body } = await request(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
      dispatcher: this.agent,
      signal,
    });
    const answer = parse(await body.text());
    if (answer.success) return true;
    const said = `The endpoint answered ${statusCode} ${answer.codes.join(' ')}`.trim().slice(0, MAX_SAID);
    if (
      answer.success === null ||
      statusCode >= 500 ||
      answer.codes.some((code) => NOT_THE_CLIENTS.has(code))
    ) {
      throw new Error(said);
    }
    if (answer.codes.some((code) => !EXPECTED.has(code))) this.say(said);
    return false;
  }

  async close(): Promise<void> {
    if (!this.agent.destroyed) await this.agent.destroy();
  }

  /** A solution of another site is the client's, or the site key and the secret of this one do not belong together. */
  private say(said: string): void {
    if (this.sayings.isTime()) this.logger.warn({ message: `A solution was refused. ${said}` });
  }
}

/** `success` is null where the answer does not say. */
function parse(text: string): { success: boolean | null; codes: string[] } {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = null;
  }
  if (typeof answer !== 'object' || answer === null) return { success: null, codes: [] };
  const success: unknown = Reflect.get(answer, 'success');
  const codes: unknown = Reflect.get(answer, 'error-codes');
  return {
    success: typeof success === 'boolean' ? success : null,
    codes: Array.isArray(codes) ? codes.filter((code) => typeof code === 'string') : [],
  };
}
