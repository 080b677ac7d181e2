import { createHash, timingSafeEqual } from 'node:crypto';
import type { Agent, HandoffSignal, Mode, User } from '../../../workflows/contracts.ts';
import { bodyOf, type Fields, fields, list } from '../../http/json.ts';
import type { AuthResult, DeskEvent, RawRequest, WebhookGuide } from '../desk.ts';
import type { LivechatConfig } from './config.ts';
import { contentOf, text } from './content.ts';
import { conversationOf } from './messages.ts';

const COMMON = ['incoming_event', 'chat_deactivated', 'chat_transferred', 'user_added_to_chat'] as const;

/** The webhooks that each mode needs. */
export const topicsOf = (mode: Mode): readonly string[] => (mode === 'native' ? [...COMMON, 'incoming_chat'] : COMMON);

const WHERE =
  'LiveChat Developer Console, your app, block "Chat webhooks": one entry of type "license" for each topic, with this ' +
  'address and the secret key of these settings; then install the app.';
const WHITELIST =
  ' In the block "App Authorization" add the public address of this service to the redirect URI whitelist.';

export const guide = (mode: Mode): WebhookGuide => ({
  where: mode === 'external' ? WHERE + WHITELIST : WHERE,
  topics: topicsOf(mode),
});

const digest = (value: string): Buffer => createHash('sha256').update(value, 'utf8').digest();

/**
 * LiveChat signs nothing: the body carries the secret key (livechat section 5.5). App webhooks (`application_installed` and
 * so on) carry none, so nothing shows who sent them, and they are refused.
 */
export function authenticate(request: RawRequest, config: LivechatConfig): AuthResult {
  if (typeof config.secretKey !== 'string' || config.secretKey === '')
    return { ok: false, reason: 'no secret key is configured' };
  const body = bodyOf(request);
  const { secret_key, organization_id, license_id } = body;
  if (typeof secret_key !== 'string') {
    const isApp = body['event'] !== undefined && body['clientID'] !== undefined;
    return { ok: false, reason: isApp ? 'an app webhook has no secret key' : 'the body has no secret key' };
  }
  // Digests have one length, whatever came.
  if (!timingSafeEqual(digest(secret_key), digest(config.secretKey))) return { ok: false, reason: 'wrong secret key' };
  // Versions before 3.4 name the license instead, which the settings do not know.
  const isOld = organization_id === undefined && license_id !== undefined;
  if (!isOld && organization_id !== config.organizationId) return { ok: false, reason: 'another organization' };
  return { ok: true };
}

export function parse(request: RawRequest, config: LivechatConfig): DeskEvent[] {
  const body = bodyOf(request);
  const payload = fields(body['payload']);
  switch (body['action']) {
    case 'incoming_event':
      return incomingEvent(payload, fields(body['additional_data']), config);
    case 'incoming_chat':
      return incomingChat(fields(payload['chat']), config);
    case 'chat_deactivated':
      return deactivated(payload, config);
    case 'chat_transferred':
      return transferred(payload, config);
    case 'user_added_to_chat':
      return userAdded(payload, config);
    default:
      return [];
  }
}

/** In webhooks a customer is a uuid, an agent his e-mail, a bot 32 hex digits (section 8). */
const isCustomer = (id: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);
const isBot = (id: string): boolean => /^[\da-f]{32}$/i.test(id);
export const isSeat = (id: unknown, { agentEmail }: LivechatConfig): boolean =>
  typeof id === 'string' && agentEmail !== undefined && id.toLowerCase() === agentEmail.toLowerCase();
/** Only then are there native conversations, whose users are no echoes of ours. */
const isNative = ({ agentEmail }: LivechatConfig): boolean => agentEmail !== undefined;

/** Keys of our deliveries: `<id>.d<n>`, parts with a number behind them. */
const OURS = /\.d\d+(?:[.:]\d+)?$/;

function talkOf(payload: Fields): string | undefined {
  const chatId = text(payload['chat_id']);
  const threadId = text(payload['thread_id']);
  return chatId && threadId && conversationOf(chatId, threadId);
}

interface Room {
  talk: string;
  /** Who is in the chat, as far as the payload says it. */
  people: Map<string, Fields>;
  human?: boolean;
}

export function messageOf(event: Fields, room: Room, config: LivechatConfig): DeskEvent[] {
  const author = text(event['author_id']);
  // No author: the router or the system.
  if (author === undefined || isSeat(author, config)) return [];
  if ((event['visibility'] ?? 'all') !== 'all' || isGreeting(event)) return [];
  if (OURS.test(text(event['custom_id']) ?? '')) return [];
  const content = contentOf(event);
  if (content === undefined) return [];
  const dedupeKey = `${room.talk}.${text(event['id']) ?? hashOf(event)}`;
  const person = room.people.get(author);
  if (!isCustomer(author)) {
    const agent = agentOf(author, person);
    return [one(room.talk, dedupeKey, { kind: 'agentReply', id: dedupeKey, ...content, agent })];
  }
  if (!isNative(config)) return [];
  const user = userOf(author, person);
  const human = room.human === true ? { human: true } : {};
  return [one(room.talk, dedupeKey, { kind: 'userMessage', id: dedupeKey, ...content, user, ...human })];
}

function incomingEvent(payload: Fields, additional: Fields, config: LivechatConfig): DeskEvent[] {
  const talk = talkOf(payload);
  if (talk === undefined) return [];
  const present = additional['chat_presence_user_ids'];
  const human = Array.isArray(present) && !present.some((id) => isSeat(id, config));
  return messageOf(fields(payload['event']), { talk, people: new Map(), human }, config);
}

/** A thread that begins at the bot's seat; one that begins elsewhere is none of the bot's. */
function incomingChat(chat: Fields, config: LivechatConfig): DeskEvent[] {
  const thread = fields(chat['thread']);
  const talk = talkOf({ chat_id: chat['id'], thread_id: thread['id'] });
  const users = list(chat['users']).map(fields);
  const atSeat = users.some((user) => isSeat(user['id'], config) && user['present'] !== false);
  if (talk === undefined || !atSeat) return [];
  const people = new Map(users.map((user) => [text(user['id']) ?? '', user]));
  return list(thread['events'])
    .map(fields)
    .flatMap((event) => messageOf(event, { talk, people }, config));
}

/** Without `user_id` the router closed it: of no agent, inactivity and the like. */
function deactivated(payload: Fields, config: LivechatConfig): DeskEvent[] {
  const talk = talkOf(payload);
  if (talk === undefined) return [];
  return deactivatedEvent(talk, isCustomer(text(payload['user_id']) ?? ''), config);
}

export function deactivatedEvent(talk: string, byCustomer: boolean, config: LivechatConfig): DeskEvent[] {
  if (byCustomer && !isNative(config)) return [];
  const dedupeKey = `${talk}.deactivated`;
  return [one(talk, dedupeKey, { kind: 'close', id: dedupeKey, by: byCustomer ? 'user' : 'agent' })];
}

/** Back at the bot's seat, and not by ourselves: the humans are done. */
function transferred(payload: Fields, config: LivechatConfig): DeskEvent[] {
  const talk = talkOf(payload);
  if (talk === undefined || isSeat(payload['requester_id'], config)) return [];
  const ids = list(fields(payload['transferred_to'])['agent_ids']).flatMap((id) => text(id) ?? []);
  const dedupeKey = `${talk}.transferred.${hashOf(payload)}`;
  if (ids.some((id) => isSeat(id, config)))
    return [{ ...one(talk, dedupeKey, { kind: 'close', id: dedupeKey, by: 'agent' }), perHandoff: true }];
  const agent = ids.find((id) => !isBot(id));
  if (agent === undefined) return [];
  const changed = one(talk, dedupeKey, { kind: 'agentChanged', id: dedupeKey, agent: { id: agent } });
  return [{ ...changed, perHandoff: true }];
}

/** Who only watches is added with the visibility `agents`. */
function userAdded(payload: Fields, config: LivechatConfig): DeskEvent[] {
  const talk = talkOf(payload);
  const user = fields(payload['user']);
  const id = text(user['id']);
  const isAgent = (payload['user_type'] ?? user['type']) === 'agent';
  if (talk === undefined || id === undefined || !isAgent) return [];
  if (user['visibility'] === 'agents' || isBot(id) || isCustomer(id) || isSeat(id, config)) return [];
  const dedupeKey = `${talk}.added.${hashOf(payload)}`;
  const joined = one(talk, dedupeKey, { kind: 'agentJoined', id: dedupeKey, agent: agentOf(id, user) });
  return [{ ...joined, perHandoff: true }];
}

const one = (deskConversationId: string, dedupeKey: string, signal: HandoffSignal): DeskEvent => ({
  dedupeKey,
  deskConversationId,
  signal,
});

const hashOf = (value: unknown): string => digest(JSON.stringify(value)).toString('hex').slice(0, 32);

/** Written by the desk for everybody who comes: nobody has answered yet (section 7). */
function isGreeting(event: Fields): boolean {
  const mark = fields(fields(event['properties'])['lc2'])['welcome_message'];
  return mark === true || fields(mark)['value'] === true;
}

function agentOf(id: string, person: Fields | undefined): Agent {
  const name = text(person?.['name']);
  const avatar = text(person?.['avatar']);
  return { id, ...(name && { name }), ...(avatar && { avatar }) };
}

function userOf(id: string, person: Fields | undefined): User {
  const name = text(person?.['name']);
  const email = text(person?.['email']);
  return { id, ...(name && { name }), ...(email && { email }) };
}
