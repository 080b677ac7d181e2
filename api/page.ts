import type { FastifyReply } from 'fastify';

/** A page for a human: plain text only, everything in it is escaped. */
export interface Page {
  title: string;
  /** One paragraph each. */
  lines: string[];
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');

const htmlOf = ({ title, lines }: Page): string =>
  [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<link rel="icon" href="data:,">',
    `<title>${escaped(title)}</title>`,
    '</head>',
    '<body>',
    `<h1>${escaped(title)}</h1>`,
    ...lines.map((line) => `<p>${escaped(line)}</p>`),
    '</body>',
    '</html>',
    '',
  ].join('\n');

/** Not kept by browsers: the address may have been good for one call only. */
export function sendPage(reply: FastifyReply, status: number, page: Page): FastifyReply {
  return reply
    .code(status)
    .headers({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .serializer((text: unknown) => String(text))
    .send(htmlOf(page));
}
