import { cpus } from 'node:os';
import { withSection } from '../../scripts/docs/section.js';
import type { QueueTechnology } from '../../src/queue/job-queue.js';
import type { Results, TargetResult } from './results.js';

/** What each technology is called in documents, in their order. */
export const NAMES: Readonly<Record<QueueTechnology, string>> = {
  'bullmq-postgres': 'BullMQ on PostgreSQL',
  'bullmq-redis': 'BullMQ on Redis',
  streams: 'Redis Streams',
  kafka: 'Kafka',
};

const thousands = (value: number): string => Math.round(value).toLocaleString('en-GB');

/** The results as a table of Markdown, and how they came about. */
export function renderTable({ targets, rounds, jobs, loadBefore }: Results): string[] {
  const head = [
    ...['', 'publish, jobs/s', 'client alone', 'ratio', 'consume, jobs/s', 'client alone', 'ratio'],
    ...['p50, ms', 'p99, ms', 'at jobs/s'],
  ];
  const rows = technologiesOf({ targets }).map(([name, of]) => [
    NAMES[name],
    ...[thousands(of.publishPerSecond), thousands(of.rawPublishPerSecond), of.publishRatio.toFixed(2)],
    ...[thousands(of.consumePerSecond), thousands(of.rawConsumePerSecond), of.consumeRatio.toFixed(2)],
    ...[of.p50Ms.toFixed(1), of.p99Ms.toFixed(1), thousands(of.latencyPerSecond)],
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const how = `${rounds} rounds of ${thousands(jobs)} jobs (of BullMQ on Redis; others by their speed), ${cpus().length} cores with a load of ${loadBefore} from other work before the run, Node ${process.versions.node}.`;
  return [line(head), `|---|${'---:|'.repeat(head.length - 1)}`, ...rows.map(line), '', how];
}

/** In the order of the documents. */
export function technologiesOf({
  targets,
}: Pick<Results, 'targets'>): (readonly [QueueTechnology, TargetResult])[] {
  return (Object.keys(NAMES) as QueueTechnology[]).flatMap((name) => {
    const result = targets[name];
    return result === undefined ? [] : [[name, result] as const];
  });
}

/** The document with this table in the place of the one before. @throws Error where it has no place for one */
export const withTable = (document: string, results: Results): string =>
  withSection(document, 'measured by `npm run bench:queue`', renderTable(results).join('\n'));
