import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { QueueTechnology } from '../../src/queue/job-queue.js';
import { withOwnDatabase } from '../support/own-database.js';
import { rounded } from '../support/statistics.js';
import { renderChart } from './chart.js';
import type { Contender } from './contender.js';
import { measureLatency, measureRates, type Rates } from './measure.js';
import { quietRate, resultOf, type Results, type Round, type TargetResult } from './results.js';
import { renderTable, withTable } from './table.js';
import { type Ground, openTarget, type Target, TARGETS } from './targets.js';

/**
 * `npm run bench:queue`: how fast jobs are published and consumed on each technology, through our adapter and through
 * the client library alone, on the same broker in the same run; and how long a job is under way when it is quiet.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    /** Of one round of `bullmq-redis`; the others have more or fewer, by their speed. */
    jobs: { type: 'string', default: '10000' },
    only: { type: 'string', default: Object.keys(TARGETS).join(',') },
    durable: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    chart: { type: 'string' },
    table: { type: 'string' },
  },
});
const ROUNDS = whole('--rounds', values.rounds);
const JOBS = whole('--jobs', values.jobs);
const LATENCY_MS = 3000;
const started = performance.now();
const loadBefore = rounded(loadavg()[0] ?? 0, 1);
const say = (text: string): void =>
  void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);

const results = await withOwnDatabase((database) =>
  bench(technologies(values.only), { database, isDurable: values.durable, say }),
);
for (const line of renderTable(results)) process.stderr.write(`${line}\n`);
if (values.chart !== undefined) await writeFile(values.chart, renderChart(results));
if (values.table !== undefined) {
  await writeFile(values.table, withTable(await readFile(values.table, 'utf8'), results));
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
// clients of a broker that is gone may still be waiting for it
process.exit(Object.keys(results.targets).length > 0 ? 0 : 1);

async function bench(wanted: readonly QueueTechnology[], ground: Ground): Promise<Results> {
  const targets = new Map<QueueTechnology, Target>();
  const leftOut: Record<string, string> = {};
  try {
    for (const technology of wanted) {
      await openTarget(technology, ground).then(
        (target) => targets.set(technology, target),
        (error: unknown) => {
          leftOut[technology] = error instanceof Error ? error.message : String(error);
          say(`${technology} is left out: ${leftOut[technology]}`);
        },
      );
    }
    return { targets: await measure(targets), leftOut, rounds: ROUNDS, jobs: JOBS, loadBefore };
  } finally {
    await Promise.all([...targets.values()].map((target) => target.close()));
  }
}

async function measure(
  targets: ReadonlyMap<QueueTechnology, Target>,
): Promise<Partial<Record<QueueTechnology, TargetResult>>> {
  const rounds = new Map<QueueTechnology, Round[]>([...targets.keys()].map((name) => [name, []]));
  // The first round warms everything up and is not counted.
  for (let number = 0; number <= ROUNDS; number++) {
    for (const [name, target] of targets) {
      const round = await playRound(target, Math.round(JOBS * TARGETS[name].share), number % 2 === 0);
      say(`${number === 0 ? 'warm-up' : `round ${number}`}  ${name.padEnd(16)}${told(round)}`);
      if (number > 0) rounds.get(name)?.push(round);
    }
  }
  const found: Partial<Record<QueueTechnology, TargetResult>> = {};
  for (const [name, { ours }] of targets) {
    const played = rounds.get(name) ?? [];
    found[name] = resultOf(played, await measureLatency(ours, quietRate(played), LATENCY_MS));
  }
  return found;
}

/** Whoever goes second finds the broker as the first has left it; so they take turns at that. */
async function playRound({ ours, raw }: Target, count: number, isRawFirst: boolean): Promise<Round> {
  const play = (contender: Contender): Promise<Rates> => measureRates(contender, count);
  if (!isRawFirst) return { ours: await play(ours), raw: await play(raw) };
  const before = await play(raw);
  return { ours: await play(ours), raw: before };
}

function told({ ours, raw }: Round): string {
  const of = (name: keyof Rates): string =>
    `${name} ${rounded(ours[name], 0)}/s (${rounded(ours[name] / raw[name])} of ${rounded(raw[name], 0)})`;
  return `${of('publish')}, ${of('consume')}`;
}

function technologies(list: string): QueueTechnology[] {
  const all = Object.keys(TARGETS) as QueueTechnology[];
  return list.split(',').map((name) => {
    const found = all.find((known) => known === name.trim());
    if (found === undefined) return refuse(`--only takes ${all.join(', ')}, not ${name}`);
    return found;
  });
}

function whole(name: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : refuse(`${name} must be a whole number above 0`);
}

function refuse(complaint: string): never {
  process.stderr.write(`${complaint}\n`);
  process.exit(2);
}
