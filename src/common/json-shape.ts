/** Levels of objects and arrays, and values in all, that no body of this API comes near. */
export const MAX_DEPTH = 16;
export const MAX_VALUES = 1000;
/** A text so short cannot hurt, and is not looked through. */
const HARMLESS_LENGTH = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Whether a text of JSON is neither deeper nor richer than any of this API; before it is parsed, so that nothing which
 * walks through values meets one that costs more than it is long. Says nothing of whether it is JSON.
 */
export function hasModestShape(text: string): boolean {
  if (text.length <= HARMLESS_LENGTH) return true;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) values++;
    else if (OPENING.has(code)) depth++;
    else if (CLOSING.has(code)) depth--;
    if (depth > MAX_DEPTH || values > MAX_VALUES) return false;
  }
  return true;
}

/** Where the string that begins here ends. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) {
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  }
  return at;
}
