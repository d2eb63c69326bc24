/**
 * PostgreSQL array literals of one member of each row. The driver's own conversion escapes every element of every
 * column; on the accept path most columns need none.
 */

/**
 * For values that hold no quote, comma, brace, backslash or space and are never null: ids, numbers, hashes. Empty
 * ones may come: the hash of a request without a key is.
 */
export function arrayLiteral<T>(rows: readonly T[], of: (row: T) => string | number): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    const value = of(rows[i] as T);
    if (i !== 0) literal += ',';
    literal += value === '' ? '""' : String(value);
  }
  return literal + '}';
}

const PLAIN = /^[A-Za-z0-9_.:@+-]+$/;
const SPECIAL = /["\\]/g;

/** For any text, or null. */
export function textArrayLiteral<T>(rows: readonly T[], of: (row: T) => string | null): string {
  let literal = '{';
  for (let i = 0; i < rows.length; i++) {
    const value = of(rows[i] as T);
    if (i !== 0) literal += ',';
    literal += value === null ? 'NULL' : quoted(value);
  }
  return literal + '}';
}

function quoted(value: string): string {
  // The bare word NULL means null: it is quoted like everything that is not plain.
  if (PLAIN.test(value) && value.length !== 4) return value;
  return `"${value.replace(SPECIAL, '\\$&')}"`;
}
