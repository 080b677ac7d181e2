import type { FastifyRequest } from 'fastify';
import type { Chats } from './chats.ts';
import { readEvent } from './events.ts';
import { upload } from './files.ts';
import type { Chat, Customer, Fields } from './model.ts';
import { invalid, isFields, listField, LivechatError, objectField, textField } from './model.ts';
import { pageOf } from './pages.ts';
import * as reading from './reading.ts';
import { chatSummary, customerView, shownChat } from './views.ts';
import type { World } from './world.ts';
import { activeThread, chatOf, statusOf } from './world.ts';

/** Body of a call -> body of its answer. */
export type Action = (body: Fields, request: FastifyRequest) => Fields | Fields[] | Promise<Fields>;

const PERSON_FIELDS = ['name', 'email', 'avatar', 'session_fields', 'omnichannel', 'address', 'phone_number'];
const MAX_SESSION_FIELDS = 100;

/** Who calls the Customer Chat API: checked before anything else. */
export function customerOfCall(world: World, { headers, query }: FastifyRequest): Customer {
  checkOrganization(world, query as Fields);
  const { authorization } = headers;
  if (authorization === undefined) throw new LivechatError('authentication', 'No `Authorization` header');
  const token = world.customerTokens.get(authorization.replace(/^Bearer /, ''));
  const customer = world.customers.get(token?.customerId ?? '');
  if (token === undefined || customer === undefined || token.expiresAt <= Date.now()) {
    throw new LivechatError('authentication', 'Invalid access token');
  }
  if (!world.installed) throw new LivechatError('authorization', 'The app is not installed');
  if (customer.banned) throw new LivechatError('customer_banned', 'Customer is banned');
  return customer;
}

function checkOrganization(world: World, query: Fields): void {
  if (textField(query, 'organization_id') !== world.organizationId) {
    throw new LivechatError('authorization', 'The token is of another organization');
  }
}

/** Needs no token. */
export function dynamicConfiguration(world: World, { query }: FastifyRequest): Fields {
  const { group_id: groupId = '0', ...rest } = query as Fields;
  if (textField(rest, 'organization_id') !== world.organizationId) {
    throw new LivechatError('license_not_found', 'License not found');
  }
  const online = [...world.groups.values()].filter((group) => statusOf(world, group) === 'online');
  return {
    organization_id: world.organizationId,
    livechat_active: true,
    default_widget: 'livechat',
    livechat: {
      group_id: Number(groupId),
      client_limit_exceeded: false,
      domain_allowed: true,
      online_group_ids: online.map(({ id }) => id),
      config_version: '1.0.0',
      localization_version: '1.0.0',
      language: 'en',
    },
  };
}

/** The actions of the Customer Chat API, as `customer`. */
export function customerActions(world: World, chats: Chats, customer: Customer): Record<string, Action> {
  const view = customerView(world);
  const by = customer.id;
  const own = (id: string): Chat => reading.findChat(world, id, by);
  const person = (): Fields => ({ id: by, type: 'customer', ...customer.fields });

  return {
    start_chat(body) {
      const request = reading.readThreadRequest(world, body, by, 'customer');
      const { chat, thread, eventIds } = chats.start(by, request);
      return { chat_id: chat.id, thread_id: thread.id, ...reading.withEventIds(eventIds) };
    },
    resume_chat(body) {
      const chat = own(textField(objectField(body, 'chat'), 'id'));
      const { thread, eventIds } = chats.resume(chat, reading.readThreadRequest(world, body, by, 'customer'));
      return { thread_id: thread.id, ...reading.withEventIds(eventIds) };
    },
    send_event(body) {
      const chat = own(reading.chatIdOf(body));
      const event = readEvent(world, body['event'], 'customer');
      const thread = reading.threadForEvent(chat, body);
      return { event_id: chats.append(chat, thread, { ...event, author_id: by }).id };
    },
    deactivate_chat(body) {
      const message = { type: 'manual_archived_customer', text: 'The customer closed the chat' };
      chats.deactivate(own(textField(body, 'id')), { by, message });
      return {};
    },
    list_chats(body) {
      const chat = chatOf(world, by);
      const { items, links } = pageOf(chat === undefined ? [] : [chat], body, { standard: 10, most: 25 });
      return { chats_summary: items.map((one) => chatSummary(view, one)), total_chats: items.length, ...links };
    },
    list_threads: (body) => reading.listThreads(view, own(reading.chatIdOf(body)), body),
    get_chat(body) {
      const chat = own(reading.chatIdOf(body));
      const { thread_id: threadId } = body;
      return shownChat(view, chat, threadId === undefined ? undefined : reading.findThread(chat, String(threadId)));
    },
    update_customer(body) {
      const given = Object.entries(body).filter(([name]) => PERSON_FIELDS.includes(name));
      if (given.length === 0) throw invalid('at least one field is required');
      if (body['session_fields'] !== undefined) checkSessionFields(body);
      Object.assign(customer.fields, Object.fromEntries(given));
      const chat = chatOf(world, by);
      const thread = chat === undefined ? undefined : activeThread(chat);
      // The agents are told; it is not for the customer.
      if (chat !== undefined && thread !== undefined) {
        chats.system(chat, thread, 'customer_updated', 'The customer was updated', { visibility: 'agents' });
      }
      return {};
    },
    set_customer_session_fields(body) {
      if (body['session_fields'] === undefined) throw invalid('`session_fields` is required');
      checkSessionFields(body);
      customer.fields['session_fields'] = body['session_fields'];
      return {};
    },
    get_customer: person,
    list_group_statuses(body) {
      const ids = listField(body, 'group_ids');
      if (body['all'] !== true && ids.length === 0) throw invalid('`all` or `group_ids` is required');
      const groups = [...world.groups.values()].filter(({ id }) => body['all'] === true || ids.includes(id));
      return { groups_status: Object.fromEntries(groups.map((group) => [group.id, statusOf(world, group)])) };
    },
    upload_file: async (_body, request) => await upload(world, request),
  };
}

function checkSessionFields(body: Fields): void {
  const fields = listField(body, 'session_fields');
  const isPair = (field: unknown): boolean =>
    isFields(field) &&
    Object.values(field).length === 1 &&
    Object.values(field).every((one) => typeof one === 'string');
  if (!fields.every(isPair)) throw invalid('`session_fields` must be array of {key: value}');
  if (fields.length > MAX_SESSION_FIELDS) throw invalid('`session_fields` has too many items');
}
