/**
 * What every page of the board is sent with. Styles are the board's own, made by its scripts; fonts that it would
 * fetch from elsewhere are not fetched. With `no-referrer` browsers would hide the origin of the form.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
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
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
};

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** A form for an operator's token, and why it is shown. */
export const signInPage = (path: string, why: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Fairline: the queue</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 15vh auto; padding: 0 1rem; }
      input, button { font: inherit; width: 100%; box-sizing: border-box; padding: 0.5rem; margin-top: 0.5rem; }
    </style>
  </head>
  <body>
    <h1>The queue</h1>
    <p role="status">${why.replace(/[&<>"]/g, (sign) => ESCAPES[sign] ?? sign)}</p>
    <form method="post" action="${path}/login">
      <label for="token">An operator's token</label>
      <input id="token" name="token" type="password" autocomplete="off" required autofocus />
      <button>Show the queue</button>
    </form>
  </body>
</html>
`;
