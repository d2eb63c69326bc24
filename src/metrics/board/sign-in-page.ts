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
