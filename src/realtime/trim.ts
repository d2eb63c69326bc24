/** Drops the oldest beyond the limit; gives how many. */
export function trim(pending: Map<string, unknown>, most: number): number {
  let dropped = 0;
  for (const key of pending.keys()) {
    if (pending.size <= most) break;
    pending.delete(key);
    dropped += 1;
  }
  return dropped;
}
