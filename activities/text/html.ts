import { compile, type FormatCallback } from 'html-to-text';
import { shallowHtml } from './shallow.ts';

interface Found {
  images: string[];
}

const WEB = /^https?:\/\//i;
const SHOWN = /^(?:https?:\/\/|mailto:|tel:)/i;

/** Deeper than any editor nests; a hostile body must not exhaust the stack. */
const DEEPEST = 200;
/** Characters. What is shorter cannot be so deep that it takes long. */
const LONG = 10_000;

const link: FormatCallback = (element, walk, builder) => {
  const href = String(element.attribs['href'] ?? '').trim();
  const written: string[] = [];
  builder.pushWordTransform((word) => {
    written.push(word);
    return word;
  });
  walk(element.children, builder);
  builder.popWordTransform();
  const said = written.join(' ');
  const bare = href.replace(/^(?:mailto|tel):/i, '');
  if (!SHOWN.test(href) || said === href || said === bare) return;
  builder.addInline(said === '' ? bare : ` (${bare})`, { noWordTransform: true });
};

const image: FormatCallback = (element, _walk, builder) => {
  const src = String(element.attribs['src'] ?? '').trim();
  if (WEB.test(src)) (builder as unknown as { metadata: Found }).metadata.images.push(src);
};

// The published types do not know of the second argument, which reaches the formatters as `builder.metadata`.
const convert: (html: string, found: Found) => string = compile({
  wordwrap: false,
  limits: { maxDepth: DEEPEST },
  formatters: { link, image },
  selectors: [
    { selector: 'a', format: 'link' },
    { selector: 'img', format: 'image' },
    { selector: 'ul', options: { itemPrefix: '- ', leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    { selector: 'ol', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    { selector: 'p', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
    ...['script', 'style', 'template'].map((selector) => ({ selector, format: 'skip' })),
  ],
});

/**
 * What a reader sees of a piece of HTML, as plain text: blocks and `<br>` end lines, list items begin with a dash or
 * number, a link is `text (address)`, entities are decoded. `images`: the http(s) addresses of its pictures in order; they
 * leave nothing in the text.
 */
export function htmlToText(html: string): { text: string; images: string[] } {
  const found: Found = { images: [] };
  const text = convert(html.length > LONG ? shallowHtml(html, DEEPEST) : html, found);
  return { text: text.replaceAll('\u00a0', ' ').trim(), images: found.images };
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A text that means itself inside HTML, in elements and in attributes. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
