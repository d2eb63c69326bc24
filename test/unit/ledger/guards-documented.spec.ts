import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROUTINES } from '../../../src/booking/ledger/ledger.js';
import { GUARDS } from '../../long/guards.js';
import { tampered } from '../../support/ledger.js';
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

describe('The guards that are taken out one by one', () => {
  const changes = GUARDS.flatMap(({ name, without: { routines = [] } }) => ({ name, routines }));
  it('stand in the routines just as they are named', () => {
    // A text that is not there just once throws, and says which.
    for (const { routines } of changes) tampered(ROUTINES, routines);
    expect(changes.filter(({ routines }) => routines.length > 0).length).toBeGreaterThan(50);
  });
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
