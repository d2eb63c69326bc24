import { reporter } from './reporter.js';

describe('The report of what was survived', () => {
  it('says the same trouble once, whichever jobs have it', () => {
    const lines: string[] = [];
    const report = reporter({ warn: (line: string) => void lines.push(line) });
    for (let i = 0; i < 300; i += 1) {
      report(`next try of 0190-abc${i} not published yet`, new Error(`no answer for offset ${i}`));
    }
    report('commit', new Error('refused'));
    expect(lines).toEqual([
      'next try of 0190-abc0 not published yet: no answer for offset 0',
      'commit: refused',
    ]);
  });
});
