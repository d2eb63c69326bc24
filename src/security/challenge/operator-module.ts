import type { Challenged, Verifier } from './challenges.js';

/** What a module of `CHALLENGE_MODULE` exports as its default: it answers true, or a promise of that, for a yes. */
type VerifySolution = (solution: string, who: Challenged, signal: AbortSignal) => unknown;

/** A function of the operator's own. */
export class OperatorModule implements Verifier {
  private constructor(private readonly decide: VerifySolution) {}

  /** @throws Error where the file is no module, or exports no function */
  static async load(file: string): Promise<OperatorModule> {
    const found = functionIn(await import(file));
    if (found === null) throw new TypeError(`CHALLENGE_MODULE: ${file} exports no function as its default`);
    return new OperatorModule(found);
  }

  /** Only `true` is a yes. */
  async verify(solution: string, who: Challenged, signal: AbortSignal): Promise<boolean> {
    return (await this.decide(solution, who, signal)) === true;
  }

  /** It is the operator's own. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The default export; of a CommonJS module it may stand one level deeper. */
function functionIn(exported: unknown): VerifySolution | null {
  if (isFunction(exported)) return exported;
  if (typeof exported !== 'object' || exported === null) return null;
  const inner: unknown = Reflect.get(exported, 'default');
  return inner === undefined ? null : functionIn(inner);
}

const isFunction = (value: unknown): value is VerifySolution => typeof value === 'function';
