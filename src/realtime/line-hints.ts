import type { LineHint } from './notifier.js';

/** PostgreSQL refuses a notification of 8000 bytes or more. */
export const MAX_PAYLOAD_BYTES = 7900;

/** Hints as payloads, each short enough for one notification. */
export function encodeHints(hints: ReadonlyMap<string, number>): string[] {
  const payloads: string[] = [];
  let parts: string[] = [];
  let bytes = 2;
  for (const [offerId, version] of hints) {
    const part = JSON.stringify([offerId, version]);
    const length = Buffer.byteLength(part) + 1;
    if (parts.length > 0 && bytes + length > MAX_PAYLOAD_BYTES) {
      payloads.push(`[${parts.join(',')}]`);
      parts = [];
      bytes = 2;
    }
    parts.push(part);
    bytes += length;
  }
  if (parts.length > 0) payloads.push(`[${parts.join(',')}]`);
  return payloads;
}

/** The hints of a payload; none where it is not one of ours. */
export function decodeHints(payload: string): LineHint[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return [];
  }
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((entry: unknown) => {
    if (!Array.isArray(entry)) return [];
    const offerId: unknown = entry[0];
    const version: unknown = entry[1];
    return typeof offerId === 'string' && typeof version === 'number' ? [{ offerId, version }] : [];
  });
}
