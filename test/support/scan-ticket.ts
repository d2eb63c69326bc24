import jsQR from 'jsqr';
import { readPdf, type Box, type PdfPage } from '../unit/document/read-pdf.js';

const PIXELS = 400;

/** What a scanner reads from the QR code of each page of a ticket. */
export const scanTicket = (pdf: Buffer): (string | undefined)[] => readPdf(pdf).map(scan);

/** Paints the page's rectangles around the QR code as a scanner would see them, and reads it. */
function scan(page: PdfPage): string | undefined {
  const at = page.rectangles.findIndex((box) => box.width === box.height && box.width > 100);
  const paper = page.rectangles[at];
  if (paper === undefined) return undefined;
  const image = new Uint8ClampedArray(PIXELS * PIXELS * 4).fill(255);
  for (const box of page.rectangles.slice(at + 1)) paint(image, PIXELS / paper.width, paper, box);
  return jsQR.default(image, PIXELS, PIXELS)?.data;
}

function paint(image: Uint8ClampedArray, scale: number, paper: Box, box: Box): void {
  const edge = (value: number): number => Math.round(value * scale);
  for (let y = edge(box.y - paper.y); y < edge(box.y - paper.y + box.height); y++) {
    for (let x = edge(box.x - paper.x); x < edge(box.x - paper.x + box.width); x++) {
      image.fill(0, (y * PIXELS + x) * 4, (y * PIXELS + x) * 4 + 3);
    }
  }
}
