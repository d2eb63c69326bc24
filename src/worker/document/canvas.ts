import PDFDocument from 'pdfkit';
import QRCode from 'qrcode';
import type { Fonts, Run } from './fonts.js';
import { TextLayout, type Layout, type TextBox } from './text-layout.js';

export type Align = 'left' | 'center' | 'right';

export interface PageInfo {
  readonly title: string;
  readonly subject: string;
  readonly created: Date;
  /** In points. */
  readonly size: readonly [width: number, height: number];
}

/** Modules of silence that a reader needs around a QR code. */
const QUIET_ZONE = 4;

/** A PDF document to draw on, in points from the upper left corner. */
export class Canvas {
  readonly pdf: PDFKit.PDFDocument;
  private readonly layout: TextLayout;
  private readonly bytes: Promise<Buffer>;

  constructor(
    private readonly fonts: Fonts,
    info: PageInfo,
  ) {
    this.pdf = new PDFDocument({
      size: [...info.size],
      margin: 0,
      autoFirstPage: false,
      // no standard font is loaded, which no text here is set in
      font: '',
      lang: 'en',
      displayTitle: true,
      // The document's id is derived from these alone: no clock, no chance.
      info: { Title: info.title, Subject: info.subject, Author: 'Fairline', CreationDate: info.created },
    });
    this.bytes = collect(this.pdf);
    for (const { name, font } of fonts.all()) this.pdf.registerFont(name, font);
    this.layout = new TextLayout(fonts);
  }

  /** Draws text from the top of its box, and returns where the box's text ends. */
  text(
    text: string,
    at: { x: number; y: number; align?: Align; color: string },
    box: TextBox,
    leading = 1.25,
  ): number {
    const layout = this.layout.fit(text, box);
    layout.lines.forEach((line, index) => {
      const slack = box.width - line.width;
      const indent = at.align === 'center' ? slack / 2 : at.align === 'right' ? slack : 0;
      this.runs(line.runs, at.x + indent, at.y + index * layout.size * leading, layout.size, at.color);
    });
    return at.y + layout.lines.length * layout.size * leading;
  }

  /** The layout that `text` would give. */
  fit(text: string, box: TextBox): Layout {
    return this.layout.fit(text, box);
  }

  /** A QR code as vectors, sharp at any size; `size` includes the quiet zone. */
  qr(content: string, x: number, y: number, size: number): void {
    const { modules } = QRCode.create(content, { errorCorrectionLevel: 'M' });
    const module = size / (modules.size + 2 * QUIET_ZONE);
    this.pdf.rect(x, y, size, size).fill('#ffffff');
    for (let row = 0; row < modules.size; row++) {
      for (let column = 0; column < modules.size;) {
        const length = darkRun(modules, row, column);
        if (length > 0) {
          this.pdf.rect(
            x + (column + QUIET_ZONE) * module,
            y + (row + QUIET_ZONE) * module,
            length * module,
            module,
          );
        }
        column += Math.max(length, 1);
      }
    }
    this.pdf.fill('#000000');
  }

  /** Ends the document. */
  finish(): Promise<Buffer> {
    this.pdf.end();
    return this.bytes;
  }

  private runs(runs: readonly Run[], x: number, y: number, size: number, color: string): void {
    this.pdf.fillColor(color);
    let left = x;
    for (const run of runs) {
      this.pdf.font(run.face.name, size).text(run.text, left, y, { lineBreak: false });
      left += this.fonts.widthOf(run) * size;
    }
  }
}

function darkRun(
  modules: { size: number; get(row: number, column: number): number },
  row: number,
  column: number,
): number {
  let end = column;
  while (end < modules.size && modules.get(row, end) === 1) end++;
  return end - column;
}

function collect(pdf: PDFKit.PDFDocument): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk));
    pdf.on('end', () => resolve(Buffer.concat(chunks)));
    pdf.on('error', reject);
  });
}
