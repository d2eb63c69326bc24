import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const rows = read('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| '));

/** Tests that a row names: `file`: *sentence*. */
const testsIn = (row: string): { readonly file: string; readonly name: string }[] =>
  [...row.matchAll(/`((?:test|src)\/[^`]+\.ts)`: \*(.+?)\*(?=<br>| \|)/g)].map(
    ([, file = '', name = '']) => ({ file, name }),
  );

/** Whether a test of this file has this sentence, as it is written there. */
function isThere(file: string, name: string): boolean {
  if (!existsSync(join(root, file))) return false;
  const source = read(file);
  return [`'`, '"', '`'].some((quote) => source.includes(`${quote}${name}${quote}`));
}

describe('docs/security.md', () => {
  it('has each of the ten risks once, each with a test', () => {
    const risks = rows.flatMap((row) => {
      const [, risk] = /^\| \*\*(API\d+)\*\* /.exec(row) ?? [];
      return risk === undefined ? [] : [{ risk, hasTest: testsIn(row).length > 0 }];
    });
    expect(risks).toEqual(Array.from({ length: 10 }, (_, n) => ({ risk: `API${n + 1}`, hasTest: true })));
  });

  it('names no test that is not there', () => {
    const named = rows.flatMap(testsIn);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ file, name }) => !isThere(file, name))).toEqual([]);
    // What the pattern above did not take for a test would be checked by nobody.
    expect(rows.join('\n').split('.ts`').length - 1).toBe(named.length);
  });
});
