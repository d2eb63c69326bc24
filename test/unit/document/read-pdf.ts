import { inflateSync } from 'node:zlib';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface TextPiece {
  readonly text: string;
  /** Of its start, in points from the left. */
  readonly x: number;
}

export interface PdfPage {
  readonly text: string;
  readonly pieces: readonly TextPiece[];
  readonly rectangles: readonly Box[];
}

/**
 * Reads text and rectangles back out of a PDF as our renderer writes it: through the page tree, the content
 * streams and each font's ToUnicode map, as a reader's "copy text" does. Not a reader of PDFs in general.
 */
export function readPdf(file: Buffer): PdfPage[] {
  const objects = objectsOf(file);
  const pages = [...objects.values()].filter((object) => object.head.includes('/Type /Page\n'));
  return pages.map((page) => readPage(page, objects));
}

interface PdfObject {
  readonly head: string;
  readonly stream: string;
}

function objectsOf(file: Buffer): Map<string, PdfObject> {
  const objects = new Map<string, PdfObject>();
  for (const match of file.toString('latin1').matchAll(/(\d+) 0 obj\n([^]*?)\nendobj/g)) {
    const [, id = '', body = ''] = match;
    const [head = '', ...rest] = body.split('stream\n');
    const packed = Buffer.from(rest.join('stream\n').replace(/\nend$/, ''), 'latin1');
    const stream = head.includes('/FlateDecode') ? inflateSync(packed).toString('latin1') : '';
    objects.set(id, { head, stream });
  }
  return objects;
}

function readPage(page: PdfObject, objects: ReadonlyMap<string, PdfObject>): PdfPage {
  const follow = (object: PdfObject | undefined, name: string): PdfObject | undefined =>
    objects.get(new RegExp(`/${name} (\\d+) 0 R`).exec(object?.head ?? '')?.[1] ?? '');
  const content = follow(page, 'Contents')?.stream ?? '';
  const resources = follow(page, 'Resources');
  const maps = new Map<string, string[]>();
  for (const [, font = ''] of content.matchAll(/\/(F\d+) [\d.]+ Tf/g)) {
    maps.set(font, unicodeMap(follow(follow(resources, font), 'ToUnicode')?.stream ?? ''));
  }
  const pieces = [...content.matchAll(/BT\n[^]*?ET/g)].map(([block]) => piece(block, maps));
  const rectangles = [...content.matchAll(/^(\S+) (\S+) (\S+) (\S+) re$/gm)].map((match) => {
    const [x = 0, y = 0, width = 0, height = 0] = match.slice(1).map(Number);
    return { x, y, width, height };
  });
  return { text: pieces.map(({ text }) => text).join('\n'), pieces, rectangles };
}

function piece(block: string, maps: ReadonlyMap<string, string[]>): TextPiece {
  const font = /\/(F\d+) /.exec(block)?.[1] ?? '';
  const glyphs = [...block.matchAll(/<([0-9a-f]+)>/g)].flatMap(([, hex = '']) => hex.match(/.{4}/g) ?? []);
  const text = glyphs.map((glyph) => maps.get(font)?.[parseInt(glyph, 16)] ?? '').join('');
  return { text, x: Number(/1 0 0 1 (\S+) \S+ Tm/.exec(block)?.[1]) };
}

/** Glyph number to text. */
function unicodeMap(cmap: string): string[] {
  const texts: string[] = [];
  for (const [, first = '', list = ''] of cmap.matchAll(/<([0-9a-f]{4})> <[0-9a-f]{4}> \[([^\]]*)\]/g)) {
    const start = parseInt(first, 16);
    [...list.matchAll(/<([^>]*)>/g)].forEach(([, codes = ''], index) => {
      const units = codes.match(/[0-9a-f]{4}/g) ?? [];
      texts[start + index] = String.fromCharCode(...units.map((unit) => parseInt(unit, 16)));
    });
  }
  return texts;
}
