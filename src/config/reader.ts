const fits = (value: string, test: RegExp | ((value: string) => boolean)): boolean =>
  typeof test === 'function' ? test(value) : test.test(value);

/** Reads variables one by one and gathers every mistake, so that an operator sees all of them at once. */
export class Reader {
  readonly mistakes: string[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  /** The value, or null where it is unset or empty. */
  text(name: string): string | null {
    const value = this.env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  textOr(
    name: string,
    fallback: string,
    pattern?: { readonly test: RegExp | ((value: string) => boolean); readonly means: string },
  ): string {
    const value = this.text(name);
    if (value === null) return fallback;
    if (pattern !== undefined && !fits(value, pattern.test)) {
      return this.wrong(name, `must be ${pattern.means}`, value, fallback);
    }
    return value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      return this.wrong(name, `must be a whole number from ${min} to ${max}`, value, fallback);
    }
    return number;
  }

  share(name: string): number {
    const value = this.text(name);
    if (value === null) return 0;
    const number = Number(value);
    if (!Number.isFinite(number) || number < 0 || number > 1) {
      return this.wrong(name, 'must be a number from 0 to 1', value, 0);
    }
    return number;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined) return fallback;
    if (value === 'true' || value === '1') return true;
    if (value === 'false' || value === '0') return false;
    return this.wrong(name, 'must be true or false', value, fallback);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === null) return fallback;
    const found = allowed.find((item) => item === value);
    return found ?? this.wrong(name, `must be one of ${allowed.join(', ')}`, value, fallback);
  }

  /** Items separated by commas; none where it is unset. */
  list(name: string, rule?: { readonly test: (item: string) => boolean; readonly means: string }): string[] {
    const items = (this.text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    const wrong = rule === undefined ? undefined : items.find((item) => !rule.test(item));
    return wrong === undefined
      ? items
      : this.wrong(name, `must be a list of ${rule?.means ?? 'items'}`, wrong, []);
  }

  /** An absolute URL of one of the schemes (`https:`), or null. */
  url(name: string, schemes: readonly string[]): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const scheme = URL.canParse(value) ? new URL(value).protocol : '';
    if (schemes.includes(scheme)) return value;
    // The value may hold a password: it is not repeated.
    this.mistakes.push(`${name} must be a URL that begins with ${schemes.map((s) => `${s}//`).join(' or ')}`);
    return null;
  }

  /** Names a mistake that spans variables. */
  refuse(mistake: string): void {
    this.mistakes.push(mistake);
  }

  private wrong<T>(name: string, expectation: string, value: string, fallback: T): T {
    this.mistakes.push(`${name} ${expectation}, not ${JSON.stringify(value)}`);
    return fallback;
  }
}
