/**
 * What is known of jobs at or past a committed offset, written as the commit's metadata. Kafka keeps one offset for a
 * partition; the note beside it tells which jobs behind it are running (were their consumer to die, each has crashed
 * it once more), which have crashed consumers before, and which are done already.
 */
export interface OffsetNote {
  /** By offset: how many consumers it will have crashed if this one dies now. */
  readonly running: ReadonlyMap<number, number>;
  /** By offset: how many consumers it has crashed; jobs that are not running. */
  readonly crashed: ReadonlyMap<number, number>;
  /** Ranges of offsets, both ends included, ascending. */
  readonly done: readonly (readonly [number, number])[];
}

export const EMPTY_NOTE: OffsetNote = { running: new Map(), crashed: new Map(), done: [] };

const MARK = 'fairline1';
/** Brokers take 4096 bytes by default. What does not fit is left out, from the end: it is done or counted again. */
const MOST_CHARS = 3800;

/** Offsets are written relative to `base`, the offset committed. */
export function encodeNote(base: number, { running, crashed, done }: OffsetNote): string {
  const counted = (counts: ReadonlyMap<number, number>): string[] =>
    [...counts].map(([offset, count]) => `${offset - base}${count === 1 ? '' : `x${count}`}`);
  const ranges = done.map(([from, to]) => (from === to ? `${from - base}` : `${from - base}-${to - base}`));
  const lists = [counted(running), counted(crashed), ranges];
  if (lists.every((list) => list.length === 0)) return '';
  let left = MOST_CHARS;
  const fitting = lists.map((list) =>
    list
      .filter((item) => {
        left -= item.length + 1;
        return left > 0;
      })
      .join(','),
  );
  return [MARK, ...fitting].join(';');
}

/** Somebody else's metadata is no note. */
export function decodeNote(base: number, text: string | null): OffsetNote {
  const [mark, running = '', crashed = '', done = ''] = (text ?? '').split(';');
  if (mark !== MARK) return EMPTY_NOTE;
  return { running: counts(base, running), crashed: counts(base, crashed), done: rangesOf(base, done) };
}

function counts(base: number, list: string): Map<number, number> {
  return new Map(
    items(list).map((item) => {
      const [offset = '', count = '1'] = item.split('x');
      return [base + Number(offset), Number(count)];
    }),
  );
}

function rangesOf(base: number, list: string): (readonly [number, number])[] {
  return items(list).map((item) => {
    const [from = '', to = from] = item.split('-');
    return [base + Number(from), base + Number(to)];
  });
}

const items = (list: string): string[] => list.split(',').filter((item) => item !== '');
