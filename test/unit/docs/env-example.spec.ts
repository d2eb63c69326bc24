import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/load.js';

const lines = readFileSync(join(__dirname, '../../../.env.example'), 'utf8').split('\n');
const documented = lines.flatMap((line) => {
  const [, name, value] = /^# ([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
  return name === undefined || value === undefined ? [] : [[name, value] as const];
});

/** Every variable that the configuration asks for. */
function namesRead(): Set<string> {
  const names = new Set<string>();
  loadConfig(
    new Proxy<Record<string, string>>(
      {},
      {
        get: (_, name) => {
          if (typeof name === 'string') names.add(name);
          return undefined;
        },
      },
    ),
  );
  return names;
}

describe('.env.example', () => {
  it('documents every variable that is read, once, and no other', () => {
    expect(documented.map(([name]) => name).sort()).toEqual([...namesRead()].sort());
  });

  it('is commented out to the last line: a copy changes nothing', () => {
    expect(lines.filter((line) => line !== '' && !line.startsWith('# '))).toEqual([]);
  });

  it('shows the true defaults: with every line taken in, nothing changes either', () => {
    expect(loadConfig(Object.fromEntries(documented))).toEqual(loadConfig({}));
  });

  it('says of each variable what it is for', () => {
    const bare = lines.filter((line, index) => /^# [A-Z][A-Z0-9_]*=/.test(line) && lines[index - 1] === '');
    expect(bare).toEqual([]);
  });
});
