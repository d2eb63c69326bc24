import { number, object, problemCode, text } from './answers.js';
import { verdict, type Verdict } from './verdict.js';
import { INVARIANTS, RULES } from '../ledger-check.js';

/** What an operator does by the API before and after a rehearsal. */
export class Operator {
  constructor(
    private readonly origin: string,
    private readonly token: string,
  ) {}

  /** @returns its id. @throws Error in the server's words */
  async createOffer(offer: Readonly<Record<string, unknown>>): Promise<string> {
    return text(object(await this.ask('POST', '/api/offers', offer)), 'id');
  }

  /** F1 to F7 as the server judges itself. */
  async invariants(): Promise<Verdict[]> {
    const answer = object(object(await this.ask('GET', '/api/admin/invariants'))['invariants']);
    return INVARIANTS.map((name) => {
      const result = object(answer[name]);
      const violations = Array.isArray(result['violations']) ? result['violations'].map(String) : [];
      const broken =
        result['ok'] === true ? [] : [...violations, ...(violations.length === 0 ? ['broken'] : [])];
      return verdict(name, RULES[name], `${number(result, 'checked')} checked`, broken);
    });
  }

  private async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw new Error(`${this.origin} does not answer`, { cause: error });
    });
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok) return answer;
    throw new Error(
      `${method} ${path} answered ${response.status} ${problemCode(response.status, answer)}: ${JSON.stringify(answer)}`,
    );
  }
}
