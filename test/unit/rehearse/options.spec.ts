import { deadlineSeconds } from '../../../scripts/rehearse/deadline.js';
import { parseOptions, UsageError } from '../../../scripts/rehearse/options.js';

const parse = (line: string) => parseOptions(line.split(' ').filter(Boolean), 42);
const mistakesOf = (line: string): readonly string[] => {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof UsageError) return error.mistakes;
    throw error;
  }
  return [];
};

describe('the options of a rehearsal', () => {
  it('has a crowd of its own without any', () => {
    expect(parse('')).toMatchObject({
      clients: 5000,
      stock: 500,
      apis: 1,
      workers: 1,
      seed: 42,
      queue: 'bullmq',
      killBroker: false,
      server: null,
    });
  });

  it('takes every option', () => {
    const line =
      '--clients 10 --stock 2 --no-show 0.3 --decline 0.1 --leave 0.1 --duplicate 0.5 --sockets 1 --hold-seconds 3 ' +
      '--step-seconds 2,3,5,1,1 --apis 2 --workers 4 --kill-workers --kill-apis --queue kafka --kill-broker --seed 9 --json';
    expect(parse(line)).toMatchObject({
      ...{
        clients: 10,
        stock: 2,
        noShow: 0.3,
        decline: 0.1,
        leave: 0.1,
        duplicate: 0.5,
        sockets: 1,
        holdSeconds: 3,
      },
      ...{
        stepSeconds: [2, 3, 5, 1, 1],
        apis: 2,
        workers: 4,
        killWorkers: true,
        killApis: true,
        queue: 'kafka',
        killBroker: true,
        seed: 9,
        json: true,
      },
    });
  });

  it('starts as many processes as killing one each second needs', () => {
    expect(parse('--kill-workers --kill-apis')).toMatchObject({ apis: 2, workers: 4 });
  });

  it('names every mistake at once', () => {
    expect(mistakesOf('--clients 0 --no-show 2 --step-seconds 1,2 --url ftp://x --apis 2')).toEqual([
      '--clients must be a whole number from 1 to 200000, not "0"',
      '--no-show must be a number from 0 to 1, not "2"',
      '--step-seconds must be five numbers from 0 to 60, separated by commas',
      '--url and --token belong together',
      '--url must begin with http:// or https://',
      '--apis is for processes of its own, not for --url',
      '--step-seconds is for processes of its own, not for --url',
    ]);
    expect(mistakesOf('--no-show 0.5 --leave 0.6')).toHaveLength(1);
    expect(mistakesOf('--cleints 5')[0]).toContain('--cleints');
  });

  it('gives a bounded time even where nobody pays', () => {
    const seconds = deadlineSeconds(parse('--clients 100 --stock 10 --no-show 1 --decline 0 --leave 0'));
    expect(seconds).toBeGreaterThan(10 * 8);
    expect(seconds).toBeLessThan(1000);
  });
});
