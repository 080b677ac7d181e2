import { z } from 'zod';
import { each } from '../../http/json.ts';

// Lenient on purpose: most of these forms are expected, not published. REST gives numbers where webhooks give words, dates
// are seconds or ISO texts, and ids are numbers or texts.

export const id = z.union([z.string().min(1).max(200), z.number().int().nonnegative()]).transform(String);
const text = z.string().nullish().catch(undefined);

const maybe = <T>(one: z.ZodType<T>) => one.nullish().catch(undefined);

/** Epoch milliseconds; undefined for everything that is no time. */
const time = z
  .unknown()
  .optional()
  .transform((value) => {
    const ms = typeof value === 'number' ? value * 1000 : typeof value === 'string' ? Date.parse(value) : Number.NaN;
    return ms > 0 && !Number.isNaN(new Date(ms).getTime()) ? ms : undefined;
  });

const TYPES = ['incoming', 'outgoing', 'activity', 'template'] as const;
/** A word in webhooks, a number in answers. */
const messageType = z
  .unknown()
  .optional()
  .transform((value) => TYPES.find((one, n) => value === one || value === n) ?? 'other');

const person = z.object({ id: maybe(id), name: text, email: text, type: text, identifier: text, avatar_url: text });

const attachment = z.object({
  data_url: z.string().regex(/^https?:\/\//i),
  file_name: text,
  content_type: text,
});

const change = z.object({ previous_value: z.unknown().optional(), current_value: z.unknown().optional() });

const conversation = z.object({
  id,
  inbox_id: maybe(id),
  status: text,
  created_at: time,
  updated_at: time,
  timestamp: time,
  snoozed_until: time,
  account: maybe(z.object({ id })),
  meta: maybe(z.object({ assignee: maybe(person) })),
  messages: each(z.object({ message_type: messageType })),
  changed_attributes: each(z.record(z.string(), z.unknown())).transform((list) =>
    Object.fromEntries(
      list.flatMap(Object.entries).flatMap(([name, value]) => {
        const read = change.safeParse(value);
        return read.success ? [[name, read.data] as const] : [];
      }),
    ),
  ),
});

const message = z.object({
  id,
  content: text,
  message_type: messageType,
  content_type: text,
  private: z
    .unknown()
    .optional()
    .transform((value) => value === true || value === 'true' || value === 1),
  created_at: time,
  echo_id: text,
  content_attributes: maybe(z.record(z.string(), z.unknown())),
  sender: maybe(person),
  attachments: each(attachment),
  inbox: maybe(z.object({ id })),
  account: maybe(z.object({ id })),
  conversation_id: maybe(id),
  conversation: maybe(z.object({ id: maybe(id), inbox_id: maybe(id), status: text })),
});

export type Message = z.output<typeof message>;
export type Conversation = z.output<typeof conversation>;
export type Person = z.output<typeof person>;

const read = <T>(shape: z.ZodType<T>, value: unknown): T | undefined => shape.safeParse(value).data;

const unwrapped = (value: unknown, name: string): unknown => {
  const inner = (value as Record<string, unknown> | null | undefined)?.[name];
  return typeof inner === 'object' && inner !== null ? inner : value;
};

export const readMessage = (value: unknown): Message | undefined => read(message, unwrapped(value, 'payload'));
export const readConversation = (value: unknown): Conversation | undefined =>
  read(conversation, unwrapped(value, 'payload'));

/** A list of an answer; undefined when there is none. */
export function readList(value: unknown): unknown[] | undefined {
  const list = unwrapped(value, 'payload');
  return Array.isArray(list) ? (list as unknown[]) : undefined;
}

export const readMessages = (value: unknown): Message[] =>
  (readList(value) ?? []).flatMap((one) => read(message, one) ?? []);
export const readConversations = (value: unknown): Conversation[] =>
  (readList(value) ?? []).flatMap((one) => read(conversation, one) ?? []);
export const readPerson = (value: unknown): Person | undefined => read(person, value);

/** Of a contact that was made: `payload.contact`, or the contact itself. */
export const contactIdOf = (value: unknown): string | undefined =>
  read(z.object({ id }), unwrapped(unwrapped(value, 'payload'), 'contact'))?.id;

/** Ours begin with this: LiveDesk gives `echo_id` and `content_attributes` back, as far as we know. */
export const MARK = 'baton:';

export function markOf({ echo_id, content_attributes }: Message): string | undefined {
  return [echo_id, content_attributes?.['baton']].find(
    (one): one is string => typeof one === 'string' && one.startsWith(MARK),
  );
}

/** White space and the form of accents may change on the way; the words do not. */
export const normal = (value: string): string => value.normalize('NFC').replaceAll(/\s+/g, ' ').trim();
