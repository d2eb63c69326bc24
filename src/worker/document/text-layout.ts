import type { Fonts, Run, Weight } from './fonts.js';

export interface TextBox {
  readonly weight: Weight;
  /** In points. */
  readonly width: number;
  readonly maxLines: number;
  /** Font sizes in points: the largest at which the text fits is taken. */
  readonly maxSize: number;
  readonly minSize: number;
}

export interface Line {
  readonly runs: readonly Run[];
  /** In points, at the size of the layout. */
  readonly width: number;
}

export interface Layout {
  readonly size: number;
  /** At least one, at most `maxLines`. */
  readonly lines: readonly Line[];
}

const ELLIPSIS = '…';
const SIZE_STEP = 0.5;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Sets text in boxes: shrinks it, then wraps it, then cuts it with an ellipsis; it never leaves its box. */
export class TextLayout {
  constructor(private readonly fonts: Fonts) {}

  fit(text: string, box: TextBox): Layout {
    const words = oneLine(text).split(' ');
    // Measured once, at the size 1: widths grow with the size.
    const widths = words.map((word) => this.width(word, box.weight));
    const space = this.width(' ', box.weight);
    for (let size = box.maxSize; size >= box.minSize; size -= SIZE_STEP) {
      const room = box.width / size;
      const lines = Math.max(...widths) <= room ? wrap(words, widths, space, room) : null;
      if (lines !== null && lines.length <= box.maxLines) return this.set(lines, size, box.weight);
    }
    const pieces = words.flatMap((word) => this.split(word, box));
    const pieceWidths = pieces.map((piece) => this.width(piece, box.weight));
    const lines = wrap(pieces, pieceWidths, space, box.width / box.minSize);
    return this.set(this.cut(lines, box), box.minSize, box.weight);
  }

  private set(lines: readonly string[], size: number, weight: Weight): Layout {
    return {
      size,
      lines: lines.map((line) => {
        const runs = this.fonts.runs(line, weight);
        return { runs, width: this.widthOf(runs) * size };
      }),
    };
  }

  /** A word that is wider than the box at its smallest, in pieces that are not. */
  private split(word: string, box: TextBox): string[] {
    const room = box.width / box.minSize;
    if (this.width(word, box.weight) <= room) return [word];
    const pieces: string[] = [];
    let piece = '';
    for (const { segment } of graphemes.segment(word)) {
      if (piece !== '' && this.width(piece + segment, box.weight) > room) {
        pieces.push(piece);
        piece = '';
      }
      piece += segment;
    }
    return [...pieces, piece];
  }

  private cut(lines: readonly string[], box: TextBox): string[] {
    if (lines.length <= box.maxLines) return [...lines];
    const kept = lines.slice(0, box.maxLines);
    const last = [...graphemes.segment(kept.pop() ?? '')].map(({ segment }) => segment);
    const fits = (): boolean => this.width(last.join('') + ELLIPSIS, box.weight) * box.minSize <= box.width;
    while (last.length > 0 && !fits()) last.pop();
    return [...kept, last.join('').trimEnd() + ELLIPSIS];
  }

  private width(text: string, weight: Weight): number {
    return this.widthOf(this.fonts.runs(text, weight));
  }

  private widthOf(runs: readonly Run[]): number {
    return runs.reduce((sum, run) => sum + this.fonts.widthOf(run), 0);
  }
}

/** Fills line after line; all widths at the same size. */
function wrap(words: readonly string[], widths: readonly number[], space: number, room: number): string[] {
  const lines: string[] = [];
  let line: string | null = null;
  let used = 0;
  for (const [index, word] of words.entries()) {
    const width = widths[index] ?? 0;
    if (line !== null && used + space + width <= room) {
      line += ` ${word}`;
      used += space + width;
    } else {
      if (line !== null) lines.push(line);
      line = word;
      used = width;
    }
  }
  return [...lines, line ?? ''];
}

/** Line breaks, tabs and other control characters have no place in a box. */
const oneLine = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
