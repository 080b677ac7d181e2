import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Attachment, HandoffSignal, Mode, User } from '../../../workflows/contracts.ts';
import { parseJson } from '../../http/json.ts';
import type { AuthResult, DeskEvent, RawRequest, WebhookGuide } from '../desk.ts';
import type { IntercomConfig } from './config.ts';
import { type Conversation, type Part, readBody, readConversation } from './shapes.ts';

const EXTERNAL_TOPICS = [
  'conversation.admin.replied',
  'conversation.admin.closed',
  'conversation.admin.opened',
  'conversation.admin.assigned',
  'conversation.admin.snoozed',
  'conversation.admin.unsnoozed',
  'conversation.deleted',
  'conversation.read',
] as const;
const USER_TOPICS = ['conversation.user.created', 'conversation.user.replied'] as const;

/** Topics whose parts may be for the user. */
const RELAYED = new Set<string>([...EXTERNAL_TOPICS, 'conversation.admin.open.assigned']);

export const guide = (mode: Mode): WebhookGuide => ({
  where:
    'Developer Hub, your app, Configure, Webhooks: paste the address as endpoint URL, add the topics, save. The app needs the permission "Read conversations".',
  topics: mode === 'native' ? [...EXTERNAL_TOPICS, ...USER_TOPICS] : EXTERNAL_TOPICS,
});

/** HMAC-SHA1 of the raw bytes with the client secret of the app (section "Signed notifications" of Intercom's page). */
export function authenticate(request: RawRequest, config: Partial<IntercomConfig>): AuthResult {
  const secret = config.clientSecret;
  if (secret === undefined || secret === '') return { ok: false, reason: 'no client secret is configured' };
  const header = request.headers['x-hub-signature'];
  const hex = typeof header === 'string' ? /^sha1=([0-9a-f]{40})$/i.exec(header)?.[1] : undefined;
  if (hex === undefined) return { ok: false, reason: 'no signature of the right form' };
  const expected = createHmac('sha1', secret).update(request.body).digest();
  const isRight = timingSafeEqual(expected, Buffer.from(hex, 'hex'));
  return isRight ? { ok: true } : { ok: false, reason: 'wrong signature' };
}

const notification = z.object({
  topic: z.string(),
  id: z.string().nullish().catch(undefined),
  created_at: z.union([z.number(), z.string()]).optional().catch(undefined),
  data: z.object({ item: z.unknown() }),
});

interface Heard {
  topic: string;
  /** Of this notification; the same when Intercom sends it again. */
  id: string;
  conversation: Conversation;
  config: Partial<IntercomConfig>;
}

/** Throws only when the body is not JSON. */
export function parse(request: RawRequest, config: Partial<IntercomConfig>): DeskEvent[] {
  const body = notification.safeParse(parseJson(request.body.toString('utf8')));
  if (!body.success) return [];
  const { topic, data, created_at: at } = body.data;
  const conversation = readConversation(data.item);
  if (conversation === undefined) return [];
  const heard = { topic, id: body.data.id ?? `${topic} ${conversation.id} ${String(at)}`, conversation, config };
  return eventsOf(conversation.id, [...messages(heard), ...changes(heard)]);
}

export const eventsOf = (deskConversationId: string, found: Keyed[]): DeskEvent[] =>
  found.map(([dedupeKey, signal]) => ({ dedupeKey, deskConversationId, signal: { ...signal, id: '' } }));

type Signal<S = HandoffSignal> = S extends { id: string } ? Omit<S, 'id'> : never;
export type Keyed = [dedupeKey: string, signal: Signal];

function messages({ topic, conversation, config }: Heard): Keyed[] {
  if (RELAYED.has(topic)) return conversation.parts.flatMap((part) => agentReply(part, config));
  const isNative = config.adminId !== undefined && config.teamId !== undefined;
  if (!isNative) return [];
  if (topic === 'conversation.user.created') return firstMessage(conversation, config);
  if (topic === 'conversation.user.replied')
    return conversation.parts.flatMap((part) => userMessage(part, conversation, config));
  return [];
}

/** Bodies of assignments are left out: older versions document them as internal. */
const FOR_USERS = new Set(['comment', 'quick_reply', 'close', 'open']);

/** Section 5.3 of the note: what humans say to the user, whichever part carries it. */
export function agentReply(part: Part, { adminId }: Partial<IntercomConfig>): Keyed[] {
  const { id, name, type } = part.author;
  if (!FOR_USERS.has(part.part_type) || (type !== 'admin' && type !== 'team') || isRedacted(part)) return [];
  if (type === 'admin' && adminId !== undefined && id === adminId) return [];
  const content = contentOf(part);
  if (content === undefined) return [];
  const agent = { ...(type === 'admin' && id != null && { id }), ...(name != null && name !== '' && { name }) };
  return [[`part:${part.id}`, { kind: 'agentReply', ...content, agent }]];
}

const isUser = (type: string | undefined): boolean => type === 'user' || type === 'lead' || type === 'contact';
const isRedacted = ({ redacted }: { redacted?: unknown }): boolean => redacted === true || redacted === 'true';

export function firstMessage(conversation: Conversation, config: Partial<IntercomConfig>): Keyed[] {
  const { source } = conversation;
  if (source === undefined || !isUser(source.author?.type) || isRedacted(source)) return [];
  const content = contentOf(source);
  if (content === undefined) return [];
  const human = isWithHuman(conversation, config) ? { human: true } : {};
  return [
    [`source:${source.id}`, { kind: 'userMessage', ...content, user: userOf(conversation, source.author), ...human }],
  ];
}

export function userMessage(part: Part, conversation: Conversation, config: Partial<IntercomConfig>): Keyed[] {
  if ((part.part_type !== 'comment' && part.part_type !== 'open') || !isUser(part.author.type) || isRedacted(part))
    return [];
  const content = contentOf(part);
  if (content === undefined) return [];
  // A user's `open` opens a closed conversation again: it is the bot's.
  const human = part.part_type === 'comment' && isWithHuman(conversation, config) ? { human: true } : {};
  return [[`part:${part.id}`, { kind: 'userMessage', ...content, user: userOf(conversation, part.author), ...human }]];
}

/** By whom it is assigned to; what a human closed after his last word is the bot's again. */
function isWithHuman(conversation: Conversation, { adminId, teamId }: Partial<IntercomConfig>): boolean {
  const { admin_assignee_id: admin, team_assignee_id: team, statistics } = conversation;
  const { last_close_at: closed, last_assignment_at: assigned, last_admin_reply_at: replied } = statistics ?? {};
  if (closed != null && closed >= Math.max(assigned ?? 0, replied ?? 0)) return false;
  return admin === undefined ? team === teamId : admin !== adminId;
}

function userOf({ contacts }: Conversation, author: Part['author'] | undefined): User {
  const contact = contacts?.contacts.find(({ id }) => id === author?.id) ?? contacts?.contacts[0];
  const id = contact?.external_id || author?.id || contact?.id;
  return {
    ...(id && { id }),
    ...(author?.name && { name: author.name }),
    ...(author?.email && { email: author.email }),
  };
}

function contentOf(from: Pick<Part, 'body' | 'attachments'>): { text: string; attachments?: Attachment[] } | undefined {
  const { text, images } = readBody(from.body);
  const files = from.attachments.map(({ url, name, content_type: contentType }) => ({
    url,
    ...(name && { name }),
    ...(contentType && { contentType }),
  }));
  const known = new Set(files.map(({ url }) => url));
  const attachments = [...images.filter((url) => !known.has(url)).map((url) => ({ url })), ...files];
  if (text === '' && attachments.length === 0) return undefined;
  return { text, ...(attachments.length > 0 && { attachments }) };
}

function changes({ topic, id, conversation, config }: Heard): Keyed[] {
  const ofPart = (type: string): Part | undefined => conversation.parts.findLast((part) => part.part_type === type);
  const key = (part: Part | undefined): string => (part === undefined ? id : `part:${part.id}`);
  switch (topic) {
    case 'conversation.admin.closed': {
      const part = ofPart('close');
      if (part !== undefined && isOwn(part, config)) return [];
      return [[`close:${key(part)}`, { kind: 'close', by: 'agent' }]];
    }
    case 'conversation.deleted':
      return [[`deleted:${conversation.id}`, { kind: 'close', by: 'agent' }]];
    case 'conversation.admin.snoozed': {
      const until = isoOf(conversation.snoozed_until);
      return [[`snooze:${key(ofPart('snoozed'))}`, { kind: 'snooze', ...(until !== undefined && { until }) }]];
    }
    case 'conversation.admin.unsnoozed':
      return [[`unsnooze:${key(ofPart('unsnoozed') ?? ofPart('timer_unsnooze'))}`, { kind: 'unsnooze' }]];
    case 'conversation.read':
      return [[`read:${id}`, { kind: 'read' }]];
    case 'conversation.admin.assigned':
    case 'conversation.admin.open.assigned':
      return conversation.parts.flatMap((part) => assigned(part, config));
    default:
      return [];
  }
}

export const isOwn = ({ author }: Part, { adminId }: Partial<IntercomConfig>): boolean =>
  adminId !== undefined && author.type === 'admin' && author.id === adminId;

/** To a human: he is the agent now. To the bot, by a human: the handoff is over. To a team: nobody yet. */
export function assigned(part: Part, config: Partial<IntercomConfig>): Keyed[] {
  const to = part.assigned_to;
  if (to == null || to.type !== 'admin' || to.id === '0' || isOwn(part, config)) return [];
  const key = `assigned:part:${part.id}`;
  if (to.id !== config.adminId) {
    const name = to.name ?? (part.author.id === to.id ? part.author.name : undefined);
    return [[key, { kind: 'agentChanged', agent: { id: to.id, ...(name && { name }) } }]];
  }
  return part.author.type === 'admin' ? [[key, { kind: 'close', by: 'agent' }]] : [];
}

export function isoOf(seconds: number | null | undefined): string | undefined {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) || seconds === 0 ? undefined : date.toISOString();
}
