import { Client } from 'pg';
import { SETTINGS } from '../../src/database/database.js';

/** PostgreSQL writes the plan of every statement inside a function as well. */
const EXPLAIN = [
  "load 'auto_explain'",
  'set auto_explain.log_min_duration = 0',
  'set auto_explain.log_analyze = on',
  'set auto_explain.log_buffers = on',
  'set auto_explain.log_nested_statements = on',
  'set auto_explain.log_parameter_max_length = 100',
  'set client_min_messages = log',
];
/** Statements that took less say nothing. */
const SHOWN_MS = 0.3;

/**
 * The plans that a call of a verb really used on a connection such as the application's, with rows, times and buffers: the slowest
 * statements first.
 */
export async function plansOf(url: string, call: string, values: readonly unknown[]): Promise<string[]> {
  const client = new Client({ connectionString: url, options: SETTINGS });
  const plans: { readonly ms: number; readonly text: string }[] = [];
  await client.connect();
  try {
    for (const statement of EXPLAIN) await client.query(statement);
    client.on('notice', ({ message = '' }) => {
      const ms = Number(/^duration: ([\d.]+) ms {2}plan:/.exec(message)?.[1] ?? 0);
      if (ms >= SHOWN_MS) plans.push({ ms, text: message });
    });
    await client.query(call, [...values]);
  } finally {
    await client.end();
  }
  return plans.sort((a, b) => b.ms - a.ms).map(({ text }) => text);
}
