import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, type Font } from 'fontkit';
import { unpackWoff } from './woff.js';

export type Weight = 400 | 700;

/** One font file: a script at a weight. `name` is its name within a document. */
export interface Face {
  readonly name: string;
  readonly font: Font;
}

/** Text of one face. */
export interface Run {
  readonly face: Face;
  readonly text: string;
}

/** In the order of preference where several cover a character. */
const SCRIPTS = [
  'latin',
  'latin-ext',
  'vietnamese',
  'cyrillic',
  'cyrillic-ext',
  'greek',
  'greek-ext',
  'devanagari',
] as const;

/** Shown for what no face covers, so that a gap is seen and not guessed. The first script has it. */
const REPLACEMENT = '\uFFFD';

/** Words whose width is remembered: tickets of one event share nearly all of theirs. */
const WORDS_REMEMBERED = 5000;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The fonts that tickets are set in: Noto Sans, a file for each script and weight, shared by all documents. */
export class Fonts {
  private readonly faces: ReadonlyMap<Weight, readonly Face[]>;
  private readonly widths = new Map<string, number>();

  /** @throws Error where the files are missing. */
  constructor(directory: string) {
    const load = (weight: Weight): readonly Face[] =>
      SCRIPTS.map((script) => loadFace(directory, script, weight));
    this.faces = new Map<Weight, readonly Face[]>([
      [400, load(400)],
      [700, load(700)],
    ]);
  }

  all(): readonly Face[] {
    return [...this.faces.values()].flat();
  }

  /** The width of a run in points at the size 1, set word by word as pdfkit does. */
  widthOf({ face, text }: Run): number {
    const words = text.match(/[^ \t]*[ \t]|[^ \t]+$/g) ?? [];
    return words.reduce((sum, word) => sum + this.widthOfWord(face, word), 0);
  }

  private widthOfWord({ name, font }: Face, word: string): number {
    const key = `${name} ${word}`;
    const known = this.widths.get(key);
    if (known !== undefined) return known;
    const width = font.layout(word).advanceWidth / font.unitsPerEm;
    for (const oldest of this.widths.keys()) {
      if (this.widths.size < WORDS_REMEMBERED) break;
      this.widths.delete(oldest);
    }
    this.widths.set(key, width);
    return width;
  }

  /** Splits text by the faces that cover it, staying with one for as long as it does. */
  runs(text: string, weight: Weight): Run[] {
    const faces = this.faces.get(weight) ?? [];
    const runs: { face: Face; text: string }[] = [];
    for (const { segment } of graphemes.segment(text)) {
      const last = runs.at(-1);
      const face =
        last !== undefined && covers(last.face, segment)
          ? last.face
          : faces.find((one) => covers(one, segment));
      const [fallback] = faces;
      if (fallback === undefined) continue;
      const next = face === undefined ? { face: fallback, text: REPLACEMENT } : { face, text: segment };
      if (last?.face === next.face) last.text += next.text;
      else runs.push(next);
    }
    return runs;
  }
}

/**
 * Where the installed fonts are: in the nearest `node_modules` above the running script, else above the working
 * directory.
 * @throws Error where they are not installed.
 */
export function fontDirectory(
  starts: readonly (string | undefined)[] = [process.argv[1], join(process.cwd(), 'package.json')],
): string {
  for (const start of starts) {
    if (start === undefined) continue;
    for (let folder = dirname(start); ; folder = dirname(folder)) {
      const files = join(folder, 'node_modules', '@fontsource', 'noto-sans', 'files');
      if (existsSync(files)) return files;
      if (folder === dirname(folder)) break;
    }
  }
  throw new Error('The fonts for tickets are missing: the package @fontsource/noto-sans is not installed');
}

function loadFace(directory: string, script: (typeof SCRIPTS)[number], weight: Weight): Face {
  const packed = readFileSync(join(directory, `noto-sans-${script}-${weight}-normal.woff`));
  const font = create(unpackWoff(packed));
  if (!('layout' in font)) throw new Error(`The font file of ${script} holds a collection`);
  return { name: `noto-${script}-${weight}`, font };
}

/** A grapheme is one face's or none's: marks are placed by the font of their base. */
function covers(face: Face, grapheme: string): boolean {
  for (const character of grapheme) {
    if (!face.font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0)) return false;
  }
  return true;
}
