import { randomBytes, randomUUID } from 'node:crypto';

/** An error of the Chat, Configuration and Agent APIs: `{ error: { type, message, data } }`. */
export class LivechatError extends Error {
  readonly type: string;
  readonly data: object;

  constructor(type: string, message: string, data: object = {}) {
    super(message);
    this.type = type;
    this.data = data;
  }

  get status(): number {
    return STATUSES[this.type] ?? 422;
  }
}

/** LiveChat documents the types, not their HTTP statuses: these are what others have seen. */
const STATUSES: Record<string, number> = {
  authentication: 401,
  authorization: 403,
  missing_access: 403,
  customer_banned: 403,
  not_allowed: 403,
  license_expired: 403,
  not_found: 404,
  license_not_found: 404,
  unsupported_version: 404,
  entity_too_large: 413,
  misdirected_request: 421,
  too_many_requests: 429,
  internal: 500,
  service_unavailable: 503,
  request_timeout: 504,
};

/** The type that LiveChat has for a status; undefined: no such answer is its own. */
export const typeOfStatus = (status: number): string | undefined =>
  status === 400 || status === 422 ? 'validation' : Object.keys(STATUSES).find((type) => STATUSES[type] === status);

export const invalid = (message: string): LivechatError => new LivechatError('validation', message);

export type Fields = Record<string, unknown>;
export type Visibility = 'all' | 'agents';
export type GroupStatus = 'online' | 'offline' | 'online_for_queue';

/** As the Agent API shows it. `author_id`: a customer's id, an agent's e-mail, a bot's hex id; none on system messages. */
export interface ChatEvent extends Fields {
  id: string;
  type: string;
  created_at: string;
  visibility: Visibility;
  author_id?: string;
  text?: string;
  properties?: Fields;
}

/** What an event is made of; the desk adds the id and the time. */
export type EventDraft = Fields & { type: string; visibility?: Visibility; author_id?: string };

export interface Thread {
  id: string;
  createdAt: string;
  active: boolean;
  userIds: Set<string>;
  events: ChatEvent[];
  properties: Fields;
  groupIds: number[];
  queue?: { position: number; wait_time: number; queued_at: string };
}

export interface Chat {
  id: string;
  customerId: string;
  groupIds: number[];
  properties: Fields;
  threads: Thread[];
  /** Agents who are in it now; an agent with visibility `agents` supervises. */
  agents: Map<string, Visibility>;
}

export interface Customer {
  id: string;
  cookieSecret: string;
  createdAt: string;
  banned: boolean;
  /** `name`, `email`, `session_fields` and what else update_customer takes. */
  fields: Fields;
}

export interface Agent {
  /** The login e-mail: the id in the Agent API and in webhooks. */
  id: string;
  /** The id in the Customer API, where e-mails are hidden. */
  hexId: string;
  name: string;
  accountId: string;
  status: 'accepting_chats' | 'not_accepting_chats' | 'offline';
}

export interface Group {
  id: number;
  name: string;
  status: GroupStatus;
  /** E-mails, the first one gets the chats. */
  agentIds: string[];
}

export interface WebhookEntry {
  id: string;
  url: string;
  description: string;
  action: string;
  secretKey: string;
  ownerClientId: string;
  type: 'license' | 'bot';
  filters: Fields;
  additionalData: string[];
}

const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** An id of a chat or a thread: ten capital letters and digits. */
export const newShortId = (): string =>
  Array.from(randomBytes(10), (byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('');
export const newHexId = (bytes = 16): string => randomBytes(bytes).toString('hex');
export const newUuid = (): string => randomUUID();

let lastMicros = 0;

/** RFC 3339 with microseconds; never the same twice, so that events can be put in order by it. */
export function nowMicros(): string {
  lastMicros = Math.max(Date.now() * 1000, lastMicros + 1);
  const seconds = new Date(Math.floor(lastMicros / 1000)).toISOString().slice(0, 19);
  return `${seconds}.${String(lastMicros % 1_000_000).padStart(6, '0')}Z`;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A required text of a request; its absence is answered as LiveChat does. */
export function textField(body: Fields, name: string): string {
  const value = body[name];
  if (value === undefined || value === null || value === '') throw invalid(`\`${name}\` is required`);
  if (typeof value !== 'string') throw invalid(`\`${name}\` must be string`);
  return value;
}

export function objectField(body: Fields, name: string): Fields {
  const value = body[name] ?? {};
  if (!isFields(value)) throw invalid(`\`${name}\` must be object`);
  return value;
}

export function listField(body: Fields, name: string): unknown[] {
  const value = body[name] ?? [];
  if (!Array.isArray(value)) throw invalid(`\`${name}\` must be array`);
  return value;
}
