import { mayConnect } from './origins.js';

const OURS = 'https://tickets.example';
const from = (
  origin: string | undefined,
  allowed: readonly string[] = [],
  host = 'api.internal:3000',
): boolean => mayConnect(origin === undefined ? { host } : { host, origin }, allowed, OURS);

describe('mayConnect', () => {
  it('lets in clients that are no browser', () =>
    expect(from(undefined, ['https://shop.example'])).toBe(true));

  it('lets in our own pages, whatever is allowed besides', () => {
    expect(from(OURS)).toBe(true);
    expect(from(OURS, ['https://shop.example'])).toBe(true);
    expect(from('http://api.internal:3000')).toBe(true);
  });

  it('lets in exactly the origins that are listed', () => {
    expect(from('https://shop.example', ['https://shop.example'])).toBe(true);
    expect(from('http://shop.example', ['https://shop.example'])).toBe(false);
    expect(from('https://shop.example.evil', ['https://shop.example'])).toBe(false);
    expect(from('https://evil.example', ['https://shop.example'])).toBe(false);
  });

  it('lets in everybody by a star', () => expect(from('https://evil.example', ['*'])).toBe(true));

  it('lets in pages of this machine only where nothing is listed', () => {
    expect(from('http://localhost:5173')).toBe(true);
    expect(from('http://[::1]:5173')).toBe(true);
    expect(from('http://localhost:5173', ['https://shop.example'])).toBe(false);
    expect(from('http://localhost.evil.example')).toBe(false);
  });

  it.each(['null', '', 'nonsense', 'file://', 'https://'])('keeps out the origin %j', (origin) => {
    expect(from(origin)).toBe(false);
  });
});
