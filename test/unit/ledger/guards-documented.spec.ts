import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GUARDS } from '../../long/guards.js';
import { SUITES } from '../../integration/ledger/checks/suites.js';

const PROGRAMMES = {
  model: 'one after the other',
  crowd: 'all at once',
  stays: 'one after the other',
  'crowd of stays': 'all at once',
};

const suiteOf = (sentence: string): string =>
  Object.entries(SUITES).find(([, checks]) => sentence in checks)?.[0] ?? 'nowhere';

/** The rows of the table in CONTRIBUTING.md, as they have to be. */
const rows = GUARDS.map(({ name, noticedBy, programmes = [] }) => {
  const sentences = noticedBy.map((sentence) => `${suiteOf(sentence)}: ${sentence}`).join('<br>');
  return `| ${name} | ${sentences} | ${programmes.map((kind) => PROGRAMMES[kind]).join(', ')} |`;
});

describe('The table of guards in CONTRIBUTING.md', () => {
  it('names every guard and what notices its removal', () => {
    const cells = (row: string): string => row.replace(/ +/g, ' ').trim();
    const text = readFileSync(join(__dirname, '../../../CONTRIBUTING.md'), 'utf8').split('\n').map(cells);
    const missing = rows.map(cells).filter((row) => !text.includes(row));
    // What is printed here is what belongs there.
    expect(missing).toEqual([]);
  });
});
