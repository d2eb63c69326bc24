type Headers = Readonly<Record<string, string>>;

const YEAR_SECONDS = 31_536_000;

/**
 * On every answer: nothing is kept by a cache or guessed at by a browser, and over TLS a browser stays there.
 * A route that may be cached says so itself.
 */
export const answerHeaders = (publicUrl: string): Headers => ({
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  ...(publicUrl.startsWith('https:') && { 'strict-transport-security': `max-age=${YEAR_SECONDS}` }),
});

/** Besides, on what a browser could be made to show or embed. */
export const DATA_HEADERS: Headers = {
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

/**
 * Besides, on pages. Scripts come from this server alone; styles may be written into the page, as the pages of the API's
 * documentation and of the queue's board do. No page is shown in a frame, and no other site is told of it. Without
 * `same-origin` browsers would hide the origin of a form.
 */
export const PAGE_HEADERS: Headers = {
  ...DATA_HEADERS,
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
};
