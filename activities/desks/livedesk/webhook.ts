import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Agent, Attachment, HandoffSignal, Mode, User } from '../../../workflows/contracts.ts';
import { parseJson } from '../../http/json.ts';
import type { AuthResult, DeskEvent, RawRequest, WebhookGuide } from '../desk.ts';
import type { LivedeskConfig } from './config.ts';
import { CUSTOMER } from './messages.ts';
import { type Conversation, markOf, type Message, type Person, readConversation, readMessage } from './shapes.ts';
import { isOver } from './status.ts';

const STATUS_EVENTS = ['conversation_status_changed', 'conversation_resolved', 'conversation_opened'];
/** With those of other versions of the lineage. */
const CHANGES = [...STATUS_EVENTS, 'conversation_updated', 'assignee_changed'];

export const guide = (mode: Mode): WebhookGuide => ({
  where:
    mode === 'external'
      ? 'LiveDesk, Project Settings, Channels, Add Channel, API: paste the address with ?token= and your webhook token behind it as Webhook URL. There are no events to choose; we use those below.'
      : 'EngageLab has not published how an AI Agent of your own gets events: ask them to send those of your AI Agent, and the ones below of its channels, to the address, with ?token= and your webhook token behind it. Then choose that AI Agent in Channels, your channel, Settings.',
  topics: ['message_created', ...CHANGES],
});

/** How old or how far ahead a signed call may be. */
const TOLERANCE_S = 5 * 60;

const refused = (reason: string): AuthResult => ({ ok: false, reason });

/**
 * LiveDesk documents no signature, so a secret in the address that the operator enters there is the check. With
 * `webhookSecret` the signature of its lineage is needed besides: HMAC-SHA256 over `<timestamp>.<raw body>`.
 */
export function authenticate(request: RawRequest, config: Settings, nowMs = Date.now()): AuthResult {
  const { webhookToken, webhookSecret } = config;
  if (webhookToken === undefined || webhookToken === '') return refused('no webhook token is configured');
  const given = URL.parse(request.url, 'http://localhost')?.searchParams.getAll('token') ?? [];
  const [token, ...more] = given;
  if (token === undefined || more.length > 0) return refused('no token in the address');
  if (!timingSafeEqual(sha256(token), sha256(webhookToken))) return refused('wrong token in the address');
  return webhookSecret === undefined ? { ok: true } : checkSignature(request, webhookSecret, nowMs);
}

function checkSignature({ headers, body }: RawRequest, secret: string, nowMs: number): AuthResult {
  if (secret === '') return refused('the webhook secret is empty');
  const [timestamp, signature] = [headers['x-chatwoot-timestamp'], headers['x-chatwoot-signature']];
  const hex = typeof signature === 'string' ? /^sha256=([0-9a-f]{64})$/i.exec(signature)?.[1] : undefined;
  if (hex === undefined) return refused('no signature of the right form');
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return refused('no time of signing');
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
  if (!timingSafeEqual(expected, Buffer.from(hex, 'hex'))) return refused('wrong signature');
  const isFresh = Math.abs(nowMs / 1000 - Number(timestamp)) <= TOLERANCE_S;
  return isFresh ? { ok: true } : refused('signed too long ago, or in the future');
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

type Signal<S = HandoffSignal> = S extends { id: string } ? Omit<S, 'id'> : never;
type Settings = Partial<LivedeskConfig>;

/** Throws only when the body is not JSON. */
export function parse(request: RawRequest, config: Settings): DeskEvent[] {
  const body: unknown = parseJson(request.body.toString('utf8'));
  const event = (body as { event?: unknown } | null)?.event;
  if (event === 'message_created') return said(readMessage(body), config);
  if (typeof event === 'string' && CHANGES.includes(event)) return changed(readConversation(body), event, config);
  return [];
}

const one = (deskConversationId: string, dedupeKey: string, signal: Signal): DeskEvent => ({
  dedupeKey,
  deskConversationId,
  signal: { ...signal, id: '' },
});

/** What names no channel or project is taken: the address is the bot's own. */
function isOurs(inboxId: string | null | undefined, accountId: string | undefined, config: Settings): boolean {
  const isChannel = config.inboxId === undefined || inboxId == null || inboxId === config.inboxId;
  return isChannel && (config.accountId === undefined || accountId === undefined || accountId === config.accountId);
}

/** Section 4.3 of the reference: never notes, activities, greetings and surveys, nor anything with our mark. */
export function said(message: Message | undefined, config: Settings): DeskEvent[] {
  if (message === undefined || message.private || markOf(message) !== undefined) return [];
  const id = message.conversation?.id ?? message.conversation_id;
  const inboxId = message.inbox?.id ?? message.conversation?.inbox_id;
  if (id == null || !isOurs(inboxId, message.account?.id, config)) return [];
  const content = contentOf(message);
  if (content === undefined) return [];
  const key = `message:${message.id}`;
  const { sender, message_type: type } = message;
  if (type === 'outgoing' && isHuman(sender) && !isOwn(message, config)) {
    return [one(id, key, { kind: 'agentReply', ...content, agent: agentOf(sender) })];
  }
  if (type === 'incoming' && !isBot(sender)) {
    const human = isWithHumans(message.conversation?.status) ? { human: true } : {};
    return [one(id, key, { kind: 'userMessage', ...content, user: userOf(sender), ...human })];
  }
  return [];
}

const HUMANS = new Set(['user', 'agent', 'human', 'administrator']);
const typeOf = (sender: Person): string => (sender.type ?? 'user').toLowerCase();
/** Only what is known to be human: AI Agents, bots and automations also write outgoing messages. */
const isHuman = (sender: Person | null | undefined): sender is Person =>
  sender != null && sender.id != null && HUMANS.has(typeOf(sender));
const isBot = (sender: Person | null | undefined): boolean => sender != null && /bot|assistant/.test(typeOf(sender));

/** What we wrote, where LiveDesk does not keep our mark. */
function isOwn({ sender, content }: Message, { senderId }: Settings): boolean {
  return (senderId !== undefined && sender?.id === senderId) || (content ?? '').startsWith(CUSTOMER);
}

const isWithHumans = (status: string | null | undefined): boolean => status === 'open' || status === 'snoozed';

function contentOf(message: Message): { text: string; attachments?: Attachment[] } | undefined {
  if (message.content_type === 'input_csat') return undefined;
  const attachments = message.attachments.map(({ data_url: url, file_name, content_type: contentType }) => {
    const name = file_name || nameOf(url);
    return { url, ...(name && { name }), ...(contentType && { contentType }) };
  });
  const text = message.content ?? '';
  if (text.trim() === '' && attachments.length === 0) return undefined;
  return { text, ...(attachments.length > 0 && { attachments }) };
}

/** Attachments come without a name of their own; the address ends with it. */
function nameOf(url: string): string | undefined {
  const last = URL.canParse(url) ? new URL(url).pathname.split('/').at(-1) : undefined;
  if (last === undefined || !last.includes('.')) return undefined;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function agentOf({ id, name, avatar_url: avatar }: Person): Agent {
  return { ...(id && { id }), ...(name && { name }), ...(avatar && { avatar }) };
}

function userOf(sender: Person | null | undefined): User {
  const { id, identifier, name, email } = sender ?? {};
  const known = identifier || id;
  return { ...(known && { id: known }), ...(name && { name }), ...(email && { email }) };
}

/** Nobody is named who made a change: what we did ourselves looks the same, and meets a handoff that is over. */
function changed(conversation: Conversation | undefined, event: string, config: Settings): DeskEvent[] {
  if (conversation === undefined || !isOurs(conversation.inbox_id, conversation.account?.id, config)) return [];
  return timed(conversation, [...statusChange(conversation, event), ...assigneeChange(conversation, event)]);
}

/** Without a time the same change of a later handoff in this conversation would look like a repeat of this one. */
export const timed = (conversation: Conversation, events: DeskEvent[]): DeskEvent[] =>
  timeOf(conversation) === undefined ? events.map((one) => ({ ...one, perHandoff: true })) : events;

const timeOf = ({ updated_at, timestamp }: Conversation): number | undefined => updated_at ?? timestamp;

/** One change may be told by two events: both have its second. */
function keyOf(conversation: Conversation, what: string): string {
  return `${what}:${conversation.id}:${Math.floor((timeOf(conversation) ?? 0) / 1000)}`;
}

function statusChange(conversation: Conversation, event: string): DeskEvent[] {
  const change = conversation.changed_attributes['status'];
  if (change === undefined && !STATUS_EVENTS.includes(event)) return [];
  const { id, snoozed_until } = conversation;
  const status = typeof change?.current_value === 'string' ? change.current_value : (conversation.status ?? '');
  const key = keyOf(conversation, `status:${status}`);
  const over = overEvent(conversation, status);
  if (over !== undefined) return [over];
  if (status === 'snoozed') {
    const until = snoozed_until === undefined ? {} : { until: new Date(snoozed_until).toISOString() };
    return [one(id, key, { kind: 'snooze', ...until })];
  }
  const before = change?.previous_value;
  const wakes = status === 'open' && (before === undefined || before === 'snoozed');
  return wakes ? [one(id, key, { kind: 'unsnooze' })] : [];
}

/** Pending is AI-Replying: the human has given it to the bot. */
export function overEvent(conversation: Conversation, status: string): DeskEvent | undefined {
  if (!isOver(status) && status !== 'pending') return undefined;
  return one(conversation.id, keyOf(conversation, `status:${status}`), { kind: 'close', by: 'agent' });
}

function assigneeChange(conversation: Conversation, event: string): DeskEvent[] {
  const { changed_attributes: changes, meta, id } = conversation;
  const isTold = changes['assignee_id'] ?? changes['assignee'] ?? (event === 'assignee_changed' || undefined);
  const to = meta?.assignee;
  if (isTold === undefined || !isHuman(to)) return [];
  return [one(id, keyOf(conversation, `assigned:${to.id}`), { kind: 'agentChanged', agent: agentOf(to) })];
}
