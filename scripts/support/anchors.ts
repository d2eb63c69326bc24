import { readFile } from 'node:fs/promises';
import type { AuditAnchor } from '../../src/booking/ledger/audit-verify.js';

const ANCHOR = /^(\d{1,18}):([0-9a-f]{64})$/;
const ANCHORS = /(?<![0-9a-zA-Z])(\d{1,18}):([0-9a-f]{64})(?![0-9a-zA-Z])/g;

/**
 * Heads of the audit chain that were kept elsewhere: named, and found in files of whatever kind, each once.
 * @throws Error for one that is none, and for a file that has none: nothing must pass for compared that was not
 */
export async function anchorsOf(
  named: readonly string[],
  files: readonly string[],
): Promise<readonly AuditAnchor[]> {
  const found = new Map<string, AuditAnchor>();
  const add = (sequence: string, digest: string): unknown =>
    found.set(`${sequence}:${digest}`, { sequence: Number(sequence), digest });
  for (const text of named) {
    const [, sequence, digest] = ANCHOR.exec(text) ?? [];
    if (sequence === undefined || digest === undefined) {
      throw new Error(`${JSON.stringify(text)} is no anchor: that is <sequence>:<64 hexadecimal digits>`);
    }
    add(sequence, digest);
  }
  for (const file of files) {
    const matches = [...(await readFile(file, 'utf8')).matchAll(ANCHORS)];
    if (matches.length === 0) throw new Error(`${file} has no anchor of the audit chain`);
    for (const [, sequence = '', digest = ''] of matches) add(sequence, digest);
  }
  return [...found.values()];
}
