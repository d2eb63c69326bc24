export interface Pair {
  readonly cert: string;
  readonly key: string;
}
export function makeAuthority(folder: string, name?: string, days?: number): Pair;
export function makeCertificate(
  authority: Pair,
  folder: string,
  options: { readonly name: string; readonly alternatives?: readonly string[]; readonly days?: number },
): Pair;
