const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** The moment read as a clock on the wall shows it, so many minutes east of Greenwich. */
const wallAt = (ms: number, east: number): Date => new Date(ms + east * MINUTE_MS);
const two = (number: number): string => String(number).padStart(2, '0');
const timeOf = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;

/** A place whose clock was put forward or back a moment ago. */
export interface JustChanged {
  /** Its rule, as PostgreSQL takes one for the name of a zone. */
  readonly timeZone: string;
  /** What its wall shows so many minutes from now. */
  wall(minutesFromNow: number): { readonly date: string; readonly time: string };
}

/**
 * Ten minutes ago the wall there showed `at`, in minutes of the day, and was put forward by `by` minutes, or back.
 * Wherever on earth that has to be.
 */
export function justChanged(at: number, by: number): JustChanged {
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const change = now - 10 * MINUTE_MS;
  const ofDay = (change / MINUTE_MS) % DAY_MINUTES;
  const ahead = (at - ofDay + DAY_MINUTES) % DAY_MINUTES;
  const before = ahead > DAY_MINUTES / 2 ? ahead - DAY_MINUTES : ahead;
  const after = before + by;
  const [winter, summer] = by > 0 ? [before, after] : [after, before];
  const shown = wallAt(change, before);
  const day = Math.floor(
    (shown.getTime() - Date.UTC(shown.getUTCFullYear(), 0, 1)) / (DAY_MINUTES * MINUTE_MS),
  );
  const rule = `${day}/${timeOf(at)}`;
  const other = `${(day + 180) % 365}/02:00`;
  const [begins, ends] = by > 0 ? [rule, other] : [other, rule];
  return {
    timeZone: `WIN${posix(winter)}SUM${posix(summer)},${begins},${ends}`,
    wall: (minutes) => {
      const text = wallAt(now + minutes * MINUTE_MS, after).toISOString();
      return { date: text.slice(0, 10), time: text.slice(11, 16) };
    },
  };
}

/** Such rules count westwards. */
const posix = (east: number): string => `${east > 0 ? '-' : '+'}${timeOf(Math.abs(east))}`;

/** Minutes east of Greenwich. */
export function offsetOf(timeZone: string, ms: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((one) => one.type === type)?.value);
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
  return (wall - Math.floor(ms / MINUTE_MS) * MINUTE_MS) / MINUTE_MS;
}

export interface ClockChange {
  /** The day there on which the clock changes, early in the morning. */
  readonly date: string;
  readonly before: number;
  readonly after: number;
}

/** The changes of this clock in the year to come, from the third day on. */
export function changesOf(timeZone: string): ClockChange[] {
  const changes: ClockChange[] = [];
  const today = Math.floor(Date.now() / (DAY_MINUTES * MINUTE_MS));
  for (let day = today + 3; day < today + 364; day += 1) {
    const noon = (of: number): number => {
      const asIfAtGreenwich = (of * DAY_MINUTES + DAY_MINUTES / 2) * MINUTE_MS;
      return asIfAtGreenwich - offsetOf(timeZone, asIfAtGreenwich) * MINUTE_MS;
    };
    const [before, after] = [offsetOf(timeZone, noon(day - 1)), offsetOf(timeZone, noon(day))];
    if (before === after) continue;
    changes.push({ before, after, date: new Date(day * DAY_MINUTES * MINUTE_MS).toISOString().slice(0, 10) });
  }
  return changes;
}
