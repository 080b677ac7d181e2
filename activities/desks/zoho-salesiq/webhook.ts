import { createHash } from 'node:crypto';
import type { Agent, HandoffSignal, Mode, User } from '../../../workflows/contracts.ts';
import { bodyOf, type Fields, fields } from '../../http/json.ts';
import type { DeskEvent, RawRequest, WebhookGuide } from '../desk.ts';
import type { ZohoConfig } from './config.ts';
import { idOf, text } from './fields.ts';
import { parseBotCall } from './zobot.ts';

const COMMON = [
  'conversation.operator.replied',
  'conversation.attender.updated',
  'conversation.completed',
  'conversation.missed',
] as const;

/** In external mode what visitors say is the echo of what we sent. */
export const topicsOf = (mode: Mode): readonly string[] =>
  mode === 'native' ? [...COMMON, 'conversation.visitor.replied'] : COMMON;

const WHERE =
  'SalesIQ, Settings, Developers, Webhooks: add one of the type "data modifications" for your brand with this address and ' +
  'these events. Switch "Secure your webhook" on and put its public key into these settings.';
const ZOBOT =
  ' Settings, Bot, Zobot: add one of the platform "Webhooks" for the same brand, with the same address (https, without a ' +
  'port). Attention: the model OpenAI GPT-4o-mini may fail to call for a human in Zoho SalesIQ -> Zoho SalesIQ; choose ' +
  'another model.';

export const guide = (mode: Mode): WebhookGuide => ({
  where: mode === 'native' ? WHERE + ZOBOT : WHERE,
  topics: topicsOf(mode),
});

/** Calls of the bot and data webhooks come to one address; the first have a handler, the others an event. */
export function parse(request: RawRequest, config: ZohoConfig): DeskEvent[] {
  const body = bodyOf(request);
  if (body['handler'] !== undefined) return parseBotCall(body);
  const app = idOf(body['app_id']);
  if (config.appId !== undefined && app !== undefined && app !== config.appId) return [];
  const entity = fields(body['entity']);
  const talk = idOf(body['entity_id']) ?? idOf(entity['id']);
  if (talk === undefined) return [];
  const heard = { talk, entity, at: idOf(body['event_time']), config };
  switch (body['event']) {
    case 'conversation.operator.replied':
      return operatorReplied(heard);
    case 'conversation.visitor.replied':
      return visitorReplied(heard);
    case 'conversation.attender.updated':
      return attenderUpdated(heard);
    case 'conversation.completed':
      return completed(heard);
    case 'conversation.missed':
      // Nobody can pick it up any more: the humans have ended it, without a word.
      return [ended(heard, 'missed', idOf(entity['missed_time']), 'agent')];
    default:
      return [];
  }
}

interface Heard {
  talk: string;
  entity: Fields;
  /** When SalesIQ told it: the same for every try of one webhook. */
  at: string | undefined;
  config: ZohoConfig;
}

/** SalesIQ gives a delivery no id: ids of what happened, else times, else the content (note, section 6.6). */
const keyOf = (name: string, { talk, entity, at }: Heard, id?: string): string =>
  [name, talk, id ?? at ?? createHash('sha256').update(JSON.stringify(entity)).digest('hex').slice(0, 32)].join('.');

const one = ({ talk }: Heard, dedupeKey: string, signal: HandoffSignal): DeskEvent => ({
  dedupeKey,
  deskConversationId: talk,
  signal,
});

/** A file comes as a message without text, and nobody knows in which form (note, section 6.7). */
function operatorReplied(heard: Heard): DeskEvent[] {
  const message = fields(heard.entity['message']);
  const sender = fields(message['sender']);
  if (sender['type'] !== 'operator') return [];
  const said = text(message['text']) ?? text(heard.config.fileNotice);
  const agent = agentOf(sender);
  const key = keyOf('said', heard, idOf(message['msgid']));
  if (said === undefined) return [one(heard, key, { kind: 'agentJoined', id: key, agent })];
  return [one(heard, key, { kind: 'agentReply', id: key, text: said, agent })];
}

/** To the humans: what the bot hears it hears as the bot. */
function visitorReplied(heard: Heard): DeskEvent[] {
  const message = fields(heard.entity['message']);
  const said = text(message['text']);
  if (said === undefined || fields(message['sender'])['type'] !== 'visitor') return [];
  const key = keyOf('heard', heard, idOf(message['msgid']));
  const user = userOf(fields(heard.entity['visitor']));
  const event = one(heard, key, { kind: 'userMessage', id: key, text: said, user, human: true });
  return [{ ...event, duringHandoff: true }];
}

/** For the first one as for the next: SalesIQ tells no difference. */
function attenderUpdated(heard: Heard): DeskEvent[] {
  const owner = fields(heard.entity['owner']);
  const isHuman = owner['type'] === undefined || owner['type'] === 'operator';
  const agent = agentOf(owner);
  if (!isHuman || agent.id === undefined) return [];
  const key = keyOf(`attender.${agent.id}`, heard);
  const event = one(heard, key, { kind: 'agentChanged', id: key, agent });
  return heard.at === undefined ? [{ ...event, perHandoff: true }] : [event];
}

/** What a visitor has ended who is ours is the echo of our own close. */
function completed(heard: Heard): DeskEvent[] {
  const { entity } = heard;
  const byVisitor = entity['ended_by'] === 'visitor';
  const isOurs = text(fields(entity['customer_info'])['handoff_id']) !== undefined;
  if (byVisitor && isOurs) return [];
  return [ended(heard, 'completed', idOf(entity['end_time']), byVisitor ? 'user' : 'agent')];
}

function ended(heard: Heard, name: string, at: string | undefined, by: 'user' | 'agent'): DeskEvent {
  const key = keyOf(name, heard, at);
  return one(heard, key, { kind: 'close', id: key, by });
}

function agentOf(person: Fields): Agent {
  const [id, name] = [idOf(person['id']), text(person['name'])];
  return { ...(id && { id }), ...(name && { name }) };
}

function userOf(visitor: Fields): User {
  const [id, name, email] = [idOf(visitor['id']), text(visitor['name']), text(visitor['email_id'] ?? visitor['email'])];
  return { ...(id && { id }), ...(name && { name }), ...(email && { email }) };
}
