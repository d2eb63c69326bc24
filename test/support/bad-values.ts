/** What clients send by mistake or in bad faith. */

const nested = (levels: number): unknown => {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

export const TEXTS: readonly string[] = [
  '',
  ' ',
  'x'.repeat(129),
  'x'.repeat(5000),
  'a\u0000b',
  '\u0000',
  '\ud800',
  'a\udc00b',
  '名前 Ünïcödé 🎟️',
  '\u202eabc\u200f',
  '\r\nX-Injected: 1',
  "'; drop table booking; --",
  "' or '1'='1",
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '{{7*7}} ${7*7} #{7*7} <%= 7*7 %>',
  '$(rm -rf /) `id` | cat /etc/passwd',
  '../../etc/passwd',
  '%00%ff%n%s',
  'null',
  'undefined',
  'true',
  '0',
  '-1',
  '1e3',
  'NaN',
  '__proto__',
  'constructor',
  '2030-02-30T00:00:00Z',
  '2030-13-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '2030-01-01',
  '2030-01-01T25:00:00Z',
  '+275760-09-13T00:00:00Z',
  'Mars/Olympus',
  '+01:00',
  'EUR\n',
  'eur',
  'EURO',
  'a@b',
  'a@b\r\nBcc: c@d',
  '@',
  'pm ok',
  '4242424242424242',
  '4242-4242-4242-4242',
];

const NUMBERS: readonly unknown[] = [
  -1,
  0,
  -0.5,
  0.5,
  1.000001,
  51,
  201,
  10_001,
  86_401,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 63,
  1e308,
];

const OTHERS: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [1],
  ['a'],
  { a: 1 },
  [[]],
  { $ne: null },
  nested(50),
];

/** For any field of any body. */
export const BAD_VALUES: readonly unknown[] = [...TEXTS, ...NUMBERS, ...OTHERS];

/** Fields that nobody asked for. */
export const UNKNOWN_FIELDS: readonly string[] = [
  'admin',
  'id',
  'seq',
  'state',
  'toString',
  'hasOwnProperty',
  'constructor',
  'a\u0000',
  '',
];

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Whole bodies, as text. */
export const BAD_BODIES: readonly string[] = [
  '',
  ' ',
  '{',
  '{"a":',
  '{"a":1}}',
  '{a:1}',
  "{'a':1}",
  'null',
  'true',
  '1',
  '"text"',
  '[]',
  '[{}]',
  'NaN',
  '\u0000',
  '\ufeff',
  '{"__proto__":{"role":"operator"}}',
  '{"constructor":{"prototype":{"role":"operator"}}}',
  '{"":""}',
  deep(100),
  deep(8000),
  `{"a":${deep(8000)}}`,
  `{"price":${'{"price":'.repeat(1500)}1${'}'.repeat(1500)}}`,
  'x'.repeat(100_000),
  `{"userId":"${'x'.repeat(100_000)}"}`,
];

/** Instead of a part of a path: encoded as they are sent. */
export const BAD_SEGMENTS: readonly string[] = [
  '0',
  '-1',
  'null',
  'undefined',
  '%00',
  'a%00b',
  '%ED%A0%80',
  '%ff',
  '%',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%F0%9F%8E%9F',
  '%27%20or%20%271%27=%271',
  '%3Cscript%3E',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '00000000-0000-0000-0000-00000000000g',
  '{00000000-0000-0000-0000-000000000000}',
  'x'.repeat(100),
  'x'.repeat(199),
  'x'.repeat(300),
  'x'.repeat(5000),
  '0'.repeat(42),
  '__proto__',
  'constructor',
  '*',
  ';a=b',
];

/** Instead of the value of a query: encoded as they are sent. */
export const BAD_QUERIES: readonly string[] = [
  '',
  '%00',
  '%ED%A0%80',
  '%ff',
  '%',
  '-1',
  '0',
  '1.5',
  '1e3',
  '9'.repeat(15),
  '9'.repeat(400),
  '0x10',
  '+1',
  'null',
  'NaN',
  'x'.repeat(129),
  '%27%3B%20drop%20table%20booking%3B--',
  '%3Cscript%3E',
  '%F0%9F%8E%9F',
  '2030-02-30T00:00:00Z',
  '2030-02-29T00:00:00.000Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999Z',
  '2030-01-01T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  '00000000-0000-1000-8000-000000000000',
  'open',
  'Open',
];

/** Instead of a token. */
export const BAD_AUTHORIZATIONS: readonly string[] = [
  '',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Basic b3BlcmF0b3I6',
  'Bearer null',
  'Bearer a.b.c',
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcGVyYXRvciIsInJvbGUiOiJvcGVyYXRvciJ9.',
  'Bearer bt_',
  'Bearer bt_00000000-0000-0000-0000-000000000000.AAAAAAAAAAAAAAAAAAAAAA',
  `Bearer ${'x'.repeat(5000)}`,
  'Bearer \u00e9\u00e9',
];

export const BAD_KEYS: readonly string[] = [
  '',
  ' ',
  'a b',
  'x'.repeat(201),
  'x'.repeat(5000),
  '\u00e9',
  'a\tb',
];

export const BAD_CONTENT_TYPES: readonly string[] = [
  'text/plain',
  'text/html',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/octet-stream',
  'application/jsonp',
  'image/png',
  'a',
  '/',
  'application/json/json',
];
