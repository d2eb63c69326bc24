const DAY_MS = 86_400_000;

/** Days since 1970-01-01 of a date `YYYY-MM-DD`; NaN where there is no such day. */
export function dayNumber(date: string): number {
  const ms = Date.parse(`${date}T00:00:00Z`);
  // To some parsers the 30th of February is a day in March.
  return Number.isNaN(ms) || dateOf(ms / DAY_MS) !== date ? NaN : ms / DAY_MS;
}

/** The date `YYYY-MM-DD` of a day since 1970-01-01. */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
