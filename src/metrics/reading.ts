/**
 * A value that is read at most once in `maxAgeMs`, and for which nobody waits longer than `limitMs`: however many
 * ask, at most one read is under way, and one that hangs holds up nobody.
 */
export class Reading<T> {
  private value: { readonly of: T; readonly at: number } | null = null;
  private pending: Promise<void> | null = null;

  constructor(
    private readonly read: () => Promise<T>,
    private readonly limits: { readonly maxAgeMs: number; readonly limitMs: number },
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Null where it could not be read in time. */
  async get(): Promise<T | null> {
    const known = this.fresh();
    if (known !== null) return known.of;
    this.pending ??= this.refresh();
    await Promise.race([this.pending, after(this.limits.limitMs)]);
    return this.fresh()?.of ?? null;
  }

  private fresh(): { readonly of: T } | null {
    return this.value !== null && this.now() - this.value.at < this.limits.maxAgeMs ? this.value : null;
  }

  private async refresh(): Promise<void> {
    try {
      this.value = { of: await this.read(), at: this.now() };
    } catch {
      this.value = null;
    } finally {
      this.pending = null;
    }
  }
}

const after = async (ms: number): Promise<void> => {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref();
  });
};
