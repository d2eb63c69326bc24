import { Agent, request } from 'undici';
import type { Challenged, Verifier } from './challenges.js';

/** A crowd at the door opens no more connections than this; the others wait their turn, or until their time is over. */
const CONNECTIONS = 64;
const MAX_ANSWER_BYTES = 65_536;
/** What is wrong with us or with the provider, and not with the client's solution. */
const NOT_THE_CLIENTS = /secret|internal-error|bad-request|sitekey/;

/**
 * An endpoint of the form that Turnstile, hCaptcha and reCAPTCHA share: it is sent `secret`, `response` and `remoteip` as a
 * form, and answers JSON with `success`.
 */
export class Siteverify implements Verifier {
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
    if (
      answer.success === null ||
      statusCode >= 500 ||
      answer.codes.some((code) => NOT_THE_CLIENTS.test(code))
    ) {
      throw new Error(`The endpoint answered ${statusCode} ${answer.codes.join(' ')}`.trim());
    }
    return false;
  }

  async close(): Promise<void> {
    if (!this.agent.destroyed) await this.agent.destroy();
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
