import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/load.js';
import { openKafka } from '../src/queue/adapters/kafka/open.js';
import type { ReplayFrom } from '../src/queue/adapters/kafka/replay.js';
import { JOB_TYPES, type JobType } from '../src/queue/job-queue.js';

const USAGE = `npm run queue:replay -- --type booking.fulfil --since 2026-05-01T10:00:00Z
npm run queue:replay -- --type booking.fulfil --topic booking-queue-fulfil --partition 3 --offset 1200

  Publishes again what the topics of work still hold since a time, or since an offset of one partition. For Kafka
  alone: set KAFKA_BOOTSTRAP_SERVERS and whatever else the application has. Workers may run meanwhile: a job of a
  booking that is settled does nothing.`;

/** Exit codes: 0 done, 1 it could not be done, 2 asked wrongly. */
async function main(): Promise<number> {
  const asked = ask();
  if (asked === null) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const { queue: settings } = loadConfig(process.env);
  if (settings.kafka === null) throw new Error('KAFKA_BOOTSTRAP_SERVERS is not set');
  const queue = await openKafka(settings.name, settings.kafka, () => undefined);
  try {
    const count = await queue.replay(asked.type, asked.from);
    process.stdout.write(`${count} jobs of type ${asked.type} published again\n`);
    return 0;
  } finally {
    await queue.close();
  }
}

/** Null where the arguments make no sense. */
function ask(): { type: JobType; from: ReplayFrom } | null {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { type: string, since: string, topic: string, partition: string, offset: string },
  });
  const type = JOB_TYPES.find((known) => known === values.type);
  const from = values.since === undefined ? fromOffset(values) : fromTime(values.since);
  return type === undefined || from === null ? null : { type, from };
}

function fromTime(text: string): ReplayFrom | null {
  const since = new Date(text);
  return Number.isNaN(since.getTime()) ? null : { since };
}

function fromOffset(values: { topic?: string; partition?: string; offset?: string }): ReplayFrom | null {
  const { topic = '', partition = '', offset = '' } = values;
  const isWhole = [partition, offset].every((text) => /^\d{1,15}$/.test(text));
  return topic === '' || !isWhole ? null : { topic, partition: Number(partition), offset: Number(offset) };
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`Nothing was replayed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
