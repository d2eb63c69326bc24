/** What a mail says: pure text, ready to be sent. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The parts of a mail, from its head to its foot. */
export interface Page {
  readonly subject: string;
  readonly heading: string;
  readonly title: string;
  /** When and where: a line each. */
  readonly facts: readonly string[];
  readonly paragraphs: readonly string[];
  readonly action: string;
  readonly link: string;
  readonly bookingId: string;
}

/** The same page twice: as plain text, and for mail programs that show more. */
export function composePage(page: Page): MailContent {
  const text = [
    page.heading,
    [page.title, ...page.facts].join('\n'),
    ...page.paragraphs,
    `${page.action}: ${page.link}`,
    `Booking ${page.bookingId}`,
  ].join('\n\n');
  return { subject: page.subject, text: `${text}\n`, html: htmlPage(page) };
}

/** Styles are inline and the layout a single column: mail programs honour little else. */
function htmlPage({ subject, heading, title, facts, paragraphs, action, link, bookingId }: Page): string {
  const body = paragraphs.map((text) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`).join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px 12px;background:#f1f2f7;font:16px/1.5 Helvetica,Arial,sans-serif;color:#14182f">
<div style="max-width:560px;margin:0 auto;background:#fff;border-radius:12px;overflow:hidden">
<div style="background:#14182f;border-bottom:4px solid #ff7a45;padding:24px 28px;color:#fff">
<p style="margin:0 0 6px;color:#ff7a45;font-weight:bold">${escapeHtml(heading)}</p>
<h1 style="margin:0 0 10px;font-size:24px;line-height:1.25">${escapeHtml(title)}</h1>
<p style="margin:0;color:#c3c8e0">${facts.map(escapeHtml).join('<br>')}</p>
</div>
<div style="padding:24px 28px">
${body}
<p style="margin:24px 0"><a href="${escapeHtml(link)}" style="display:inline-block;background:#ff7a45;color:#14182f;padding:12px 22px;border-radius:8px;font-weight:bold;text-decoration:none">${escapeHtml(action)}</a></p>
<p style="margin:0;font-size:13px;color:#6a7089">Booking ${escapeHtml(bookingId)}</p>
</div>
</div>
</body>
</html>
`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
