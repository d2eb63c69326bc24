import { median, rounded } from './statistics.js';

/** A look into memory takes less than a microsecond. */
const DIGITS = 4;

interface Measured {
  readonly name: string;
  readonly what: string;
  readonly medianMs: number;
  readonly maxMs: number;
  readonly rounds: number;
}

/** How long it took, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** What a benchmark has measured so far; told to the error stream as it comes. */
export class Measurements {
  private readonly results: Measured[] = [];
  private readonly started = performance.now();

  say(text: string): void {
    const seconds = ((performance.now() - this.started) / 1000).toFixed(1);
    process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`);
  }

  record(name: string, what: string, ms: readonly number[]): void {
    const measured = {
      name,
      what,
      medianMs: rounded(median(ms), DIGITS),
      maxMs: rounded(Math.max(...ms), DIGITS),
      rounds: ms.length,
    };
    this.results.push(measured);
    this.say(`${what}: ${measured.medianMs} ms`);
  }

  /** `next` prepares a round and gives what is to be timed. */
  async rounds(
    name: string,
    what: string,
    count: number,
    next: () => Promise<() => Promise<unknown>>,
  ): Promise<void> {
    const ms: number[] = [];
    for (let round = 0; round < count; round += 1) ms.push(await timed(await next()));
    this.record(name, what, ms);
  }

  /** By name, as numbers. */
  report(): { readonly ms: Record<string, number>; readonly maxMs: Record<string, number> } {
    return {
      ms: Object.fromEntries(this.results.map(({ name, medianMs }) => [name, medianMs])),
      maxMs: Object.fromEntries(this.results.map(({ name, maxMs }) => [name, maxMs])),
    };
  }

  table(): string {
    return this.results
      .map(
        ({ what, medianMs, maxMs }) =>
          `${what.padEnd(70)} ${String(medianMs).padStart(9)} ms (worst ${maxMs} ms)`,
      )
      .join('\n');
  }
}

/** The value of an option that must be a whole number above 0; ends the process where it is not. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`${name} must be a whole number above 0\n`);
  process.exit(2);
}
