import { SETTLED } from '../../src/booking/booking.js';
import type { Customer } from './customer.js';

export interface Glance {
  readonly seconds: number;
  readonly customers: readonly Customer[];
  readonly stock: number;
  readonly answers: number;
  readonly kills: number;
}

/** One line that says how far it is. */
export function describe(glance: Glance, requestsPerSecond: number): string {
  const { customers, seconds } = glance;
  const states = new Map<string, number>();
  let answered = 0;
  for (const { watch, rejected } of customers) {
    const state = watch.shown?.state ?? (rejected === null ? null : 'sold_out');
    if (state === null) continue;
    answered += 1;
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const settled = [...states].reduce((sum, [state, n]) => sum + (isSettled(state) ? n : 0), 0);
  const parts = ['waiting', 'held', 'paying', 'paid', 'expired', 'cancelled', 'sold_out'].flatMap((state) => {
    const count = states.get(state);
    return count === undefined ? [] : [`${state.replace('_', ' ')} ${count}`];
  });
  return [
    `${seconds.toFixed(0).padStart(3)} s`,
    `answered ${answered}/${customers.length}`,
    `settled ${settled}`,
    `confirmed ${states.get('confirmed') ?? 0}/${glance.stock}`,
    ...parts,
    `${requestsPerSecond.toFixed(0)} requests/s`,
    ...(glance.kills > 0 ? [`kills ${glance.kills}`] : []),
  ].join('  ');
}

const isSettled = (state: string): boolean => [...SETTLED].some((settled) => settled === state);

/** As much of `process.stderr` as is used. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Live progress: one line that is written over on a terminal, a line each two seconds elsewhere. */
export class Progress {
  private timer: NodeJS.Timeout | null = null;
  private lastAnswers = 0;
  private lastSeconds = 0;

  constructor(
    private readonly out: Screen,
    private readonly glance: () => Glance,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.show(), this.out.isTTY === true ? 500 : 2000);
  }

  /** Says a sentence of its own. */
  say(sentence: string): void {
    this.out.write(`${this.out.isTTY === true ? '\r\x1b[K' : ''}${sentence}\n`);
  }

  /** Shows where it ended. Idempotent. */
  stop(): void {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
    this.show();
    if (this.out.isTTY === true) this.out.write('\n');
  }

  private show(): void {
    const glance = this.glance();
    const elapsed = Math.max(0.001, glance.seconds - this.lastSeconds);
    const line = describe(glance, (glance.answers - this.lastAnswers) / elapsed);
    this.lastAnswers = glance.answers;
    this.lastSeconds = glance.seconds;
    const width = this.out.columns ?? 80;
    this.out.write(this.out.isTTY === true ? `\r\x1b[K${line.slice(0, width - 1)}` : `${line}\n`);
  }
}
