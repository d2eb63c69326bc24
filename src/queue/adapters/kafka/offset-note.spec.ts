import { decodeNote, EMPTY_NOTE, encodeNote, type OffsetNote } from './offset-note.js';

const note: OffsetNote = {
  running: new Map([
    [1000, 1],
    [1007, 3],
  ]),
  crashed: new Map([[1004, 2]]),
  done: [
    [1001, 1003],
    [1006, 1006],
  ],
};

describe('The note beside an offset', () => {
  it('is read as it was written', () => {
    expect(decodeNote(1000, encodeNote(1000, note))).toEqual(note);
  });

  it('is nothing where there is nothing to say', () => {
    expect(encodeNote(1000, EMPTY_NOTE)).toBe('');
  });

  it.each([null, '', 'of another program', '{"a":1}'])('takes %j for no note', (text) => {
    expect(decodeNote(1000, text)).toEqual(EMPTY_NOTE);
  });

  it('stays below what a broker takes, and tells of what is running first', () => {
    const running = new Map(Array.from({ length: 200 }, (_, i) => [1_000_000 + 2 * i, 1] as const));
    const done = Array.from({ length: 5000 }, (_, i) => [1_000_001 + 2 * i, 1_000_001 + 2 * i] as const);
    const text = encodeNote(1_000_000, { running, crashed: new Map(), done });
    expect(text.length).toBeLessThan(4096);
    const read = decodeNote(1_000_000, text);
    expect(read.running).toEqual(running);
    expect(done.slice(0, read.done.length)).toEqual(read.done);
  });
});
