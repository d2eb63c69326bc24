import jsQR from 'jsqr';
import type { Box, PdfPage } from './read-pdf.js';

/** Paints the page's rectangles around the QR code as a scanner would see them, and reads it. */
export function scan(page: PdfPage): string | undefined {
  const at = page.rectangles.findIndex((box) => box.width === box.height && box.width > 100);
  const paper = page.rectangles[at];
  if (paper === undefined) return undefined;
  const pixels = 400;
  const scale = pixels / paper.width;
  const image = new Uint8ClampedArray(pixels * pixels * 4).fill(255);
  for (const box of page.rectangles.slice(at + 1)) paint(image, pixels, scale, paper, box);
  return jsQR.default(image, pixels, pixels)?.data;
}

function paint(image: Uint8ClampedArray, pixels: number, scale: number, paper: Box, box: Box): void {
  const edge = (value: number): number => Math.round(value * scale);
  for (let y = edge(box.y - paper.y); y < edge(box.y - paper.y + box.height); y++) {
    for (let x = edge(box.x - paper.x); x < edge(box.x - paper.x + box.width); x++) {
      image.fill(0, (y * pixels + x) * 4, (y * pixels + x) * 4 + 3);
    }
  }
}
