import type { Attachment } from '../../../workflows/contracts.ts';
import { type Fields, fields, list } from '../../http/json.ts';

/** A text with something in it. */
export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

export interface Content {
  text: string;
  attachments?: Attachment[];
}

/** What a user or an agent can read of an event; undefined for all that is no message. */
export function contentOf(event: Fields): Content | undefined {
  if (event['deleted'] === true) return undefined;
  if (event['type'] === 'message') return fromText(text(event['text']));
  if (event['type'] === 'file') return fromFile(event);
  if (event['type'] === 'rich_message') return fromText(list(event['elements']).map(fields).map(flat).join('\n\n'));
  return undefined;
}

const fromText = (words: string | undefined): Content | undefined =>
  words === undefined || words.trim() === '' ? undefined : { text: words };

function fromFile(event: Fields): Content | undefined {
  const url = text(event['url']);
  if (url === undefined) return undefined;
  const name = text(event['name']);
  const contentType = text(event['content_type']);
  const attachment = { url, ...(name && { name }), ...(contentType && { contentType }) };
  return { text: text(event['alternative_text']) ?? '', attachments: [attachment] };
}

/** A card as lines: title, subtitle, picture, one line for each button (livechat section 7). */
function flat(element: Fields): string {
  const buttons = list(element['buttons'])
    .map(fields)
    .flatMap((button) => {
      const label = text(button['text']);
      const target = ['url', 'webview'].includes(text(button['type']) ?? '') ? text(button['value']) : undefined;
      if (label === undefined) return [];
      return [`- ${label}${target === undefined ? '' : `: ${target}`}`];
    });
  const lines = [element['title'], element['subtitle'], fields(element['image'])['url']].map(text);
  return [...lines.filter((line) => line !== undefined), ...buttons].join('\n');
}
