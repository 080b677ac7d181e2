import { z } from 'zod';
import { each } from '../../http/json.ts';
import { htmlToText } from '../../text/html.ts';

// Lenient on purpose: versions differ (string or number ids, null or 0 for nobody) and webhooks leave fields out.

const id = z.union([z.string().min(1), z.number().int()]).transform(String);
const text = z.string().nullish().catch(undefined);
const seconds = z.number().nonnegative().nullish().catch(undefined);
/** Undefined for nobody, which is `0`, `"0"`, `null` or missing. */
const assignee = id
  .nullish()
  .catch(undefined)
  .transform((value) => (value === null || value === '0' ? undefined : value));

const author = z.object({ type: z.string(), id: id.nullish().catch(undefined), name: text, email: text });

const attachment = z.object({ url: z.string().regex(/^https?:\/\//i), name: text, content_type: text });

const part = z.object({
  id,
  part_type: z.string(),
  body: text,
  created_at: z.number().catch(0),
  author: author.catch({ type: 'unknown', id: undefined, name: undefined, email: undefined }),
  assigned_to: z.object({ type: z.string(), id, name: text }).nullish().catch(undefined),
  attachments: each(attachment),
  redacted: z.unknown().optional(),
});

const source = z.object({
  id,
  body: text,
  author: author.optional().catch(undefined),
  attachments: each(attachment),
  redacted: z.unknown().optional(),
});

const conversation = z.object({
  id,
  state: text,
  created_at: z.number().catch(0),
  snoozed_until: seconds,
  admin_assignee_id: assignee,
  team_assignee_id: assignee,
  source: source.optional().catch(undefined),
  contacts: z
    .object({ contacts: each(z.object({ id, external_id: text })) })
    .optional()
    .catch(undefined),
  statistics: z
    .object({ last_close_at: seconds, last_assignment_at: seconds, last_admin_reply_at: seconds })
    .nullish()
    .catch(undefined),
  conversation_parts: z
    .object({ conversation_parts: each(part) })
    .optional()
    .catch(undefined),
});

export type Part = z.output<typeof part>;
export type Conversation = Omit<z.output<typeof conversation>, 'conversation_parts'> & {
  /** Oldest first. */
  parts: Part[];
};

/** Undefined when it is no conversation at all. */
export function readConversation(value: unknown): Conversation | undefined {
  const result = conversation.safeParse(value);
  if (!result.success) return undefined;
  const { conversation_parts: list, ...rest } = result.data;
  return { ...rest, parts: (list?.conversation_parts ?? []).toSorted(byTime) };
}

const byTime = (a: Part, b: Part): number =>
  a.created_at - b.created_at || a.id.length - b.id.length || cmp(a.id, b.id);
const cmp = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const readConversations = (value: unknown): Conversation[] => {
  const list = z.object({ conversations: z.array(z.unknown()) }).safeParse(value);
  return (list.data?.conversations ?? []).flatMap((one) => readConversation(one) ?? []);
};

const HTML = /^\s*<(?:p|div|h[1-6]|ul|ol|li|pre|blockquote|img|br|a|b|i|strong|em|span|table|html|body)\b[^>]*>/i;

/** REST gives HTML; webhooks give plain text since version 2.15. A body in HTML always begins with an element. */
export function readBody(body: string | null | undefined): { text: string; images: string[] } {
  const given = body ?? '';
  return HTML.test(given) ? htmlToText(given) : { text: given.trim(), images: [] };
}

/** White space and the form of accents change on the way; the words do not. */
export const normal = (text: string): string => text.normalize('NFC').replaceAll(/\s+/g, ' ').trim();

export const normalBody = (body: string | null | undefined): string => normal(readBody(body).text);
