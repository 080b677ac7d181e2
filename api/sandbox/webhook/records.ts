import type { SandboxLine } from '../desk-sandbox.ts';
import type { SandboxFault } from './faults.ts';

export const SANDBOX_ENDPOINTS = ['establish', 'chat', 'close'] as const;
export type SandboxEndpoint = (typeof SANDBOX_ENDPOINTS)[number];

/** A call as it arrived, whatever became of it. */
export interface SandboxCall {
  /** Order of arrival, from 1. */
  n: number;
  /** Epoch milliseconds. */
  at: number;
  endpoint: SandboxEndpoint;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  rawBody: string;
  /** `undefined` when it is not JSON. */
  body: unknown;
  /** This was processed before: same Idempotency-Key or, without one, same conversation, timestamp and body. */
  duplicate: boolean;
  processed: boolean;
  fault?: SandboxFault;
}

/** What the user said, once. */
export interface SandboxMessage {
  n: number;
  timestamp: number;
  text: string;
  key?: string;
}

export interface SandboxConversation {
  id: string;
  botId: string;
  email: string;
  userInfo: unknown;
  /** History and question as they came with establish. */
  context: { message_type: string; text: string }[];
  establishedAt: number;
  messages: SandboxMessage[];
  /** What the human wrote and Baton took. */
  replies: string[];
  /** All that the human sees, in order: what came with establish, then everything that was said. */
  lines: SandboxLine[];
  /** Who has it, once it was given to somebody. */
  agent?: { id: string; name: string };
  /** `type` of conversation/close, or `AGENT` when the human closed. */
  closed?: string;
}

export interface SandboxRecords {
  readonly calls: SandboxCall[];
  readonly conversations: Map<string, SandboxConversation>;
  /** All arrivals per endpoint, duplicates and failed ones too. */
  readonly raw: Record<SandboxEndpoint, number>;
  arrived(call: Omit<SandboxCall, 'n' | 'duplicate' | 'processed'>): SandboxCall;
  /** Acts on the call unless it is a duplicate. `false`: the conversation is not known. */
  process(call: SandboxCall): boolean;
  reset(): void;
}

interface Fields {
  conversation_id?: unknown;
  timestamp?: unknown;
  body?: unknown;
  email?: unknown;
  bot_id?: unknown;
  user_info?: unknown;
  type?: unknown;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * The desk's memory; it keeps the last `keep` calls and as many conversations. `takeUnknown`: a conversation from before
 * its own restart goes on, as at a desk that keeps its conversations on disk.
 */
export function createRecords(keep: number, takeUnknown = false): SandboxRecords {
  const calls: SandboxCall[] = [];
  const conversations = new Map<string, SandboxConversation>();
  const processed = new Set<string>();
  const raw: Record<SandboxEndpoint, number> = { establish: 0, chat: 0, close: 0 };
  let arrivals = 0;

  return {
    calls,
    conversations,
    raw,
    arrived(call) {
      arrivals += 1;
      raw[call.endpoint] += 1;
      const recorded = { ...call, n: arrivals, duplicate: processed.has(identityOf(call)), processed: false };
      calls.push(recorded);
      if (calls.length > keep) calls.shift();
      return recorded;
    },
    process(call) {
      if (call.duplicate) return true;
      const fields = (call.body ?? {}) as Fields;
      const id = text(fields.conversation_id);
      if (takeUnknown && !conversations.has(id)) conversations.set(id, established(id, call, fields));
      if (!apply(conversations, call, fields, keep)) return false;
      call.processed = true;
      processed.add(identityOf(call));
      forgetOldest(processed, keep);
      forgetOldest(conversations, keep);
      return true;
    },
    reset() {
      calls.length = 0;
      conversations.clear();
      processed.clear();
      for (const endpoint of SANDBOX_ENDPOINTS) raw[endpoint] = 0;
    },
  };
}

function forgetOldest(kept: Set<string> | Map<string, unknown>, keep: number): void {
  if (kept.size <= keep) return;
  const oldest = kept.keys().next();
  if (oldest.done !== true) kept.delete(oldest.value);
}

/** What a careful desk dedupes by. */
function identityOf(call: Pick<SandboxCall, 'endpoint' | 'headers' | 'body'>): string {
  const key = keyOf(call);
  if (key !== undefined) return `${call.endpoint} ${key}`;
  const { conversation_id, timestamp, body, type } = (call.body ?? {}) as Fields;
  return `${call.endpoint} ${JSON.stringify([conversation_id, timestamp, body, type])}`;
}

function keyOf(call: Pick<SandboxCall, 'headers'>): string | undefined {
  const key = call.headers['idempotency-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}

function apply(
  conversations: Map<string, SandboxConversation>,
  call: SandboxCall,
  fields: Fields,
  keep: number,
): boolean {
  const id = text(fields.conversation_id);
  if (call.endpoint === 'establish') {
    if (!conversations.has(id)) conversations.set(id, established(id, call, fields));
    return true;
  }
  const conversation = conversations.get(id);
  if (conversation === undefined) return false;
  if (call.endpoint === 'close') {
    conversation.closed ??= text(fields.type);
    return true;
  }
  const key = keyOf(call);
  conversation.messages.push({
    n: call.n,
    timestamp: Number(fields.timestamp),
    text: text(fields.body),
    ...(key !== undefined && { key }),
  });
  if (conversation.messages.length > keep) conversation.messages.shift();
  addLine(conversation, 'user', text(fields.body));
  return true;
}

function established(id: string, call: SandboxCall, fields: Fields): SandboxConversation {
  const context = Array.isArray(fields.body) ? (fields.body as SandboxConversation['context']) : [];
  const conversation: SandboxConversation = {
    id,
    botId: text(fields.bot_id),
    email: text(fields.email),
    userInfo: fields.user_info,
    context,
    establishedAt: call.at,
    messages: [],
    replies: [],
    lines: [],
  };
  for (const { message_type: type, text: words } of context) {
    if (text(words) !== '') addLine(conversation, type === 'QUESTION' ? 'user' : 'bot', text(words));
  }
  return conversation;
}

/** Lines of one conversation that are remembered. */
const MOST_LINES = 1_000;

export function addLine(
  { id, lines }: SandboxConversation,
  from: SandboxLine['from'],
  words: string,
  files: SandboxLine['files'] = [],
): void {
  const before = Number(lines.at(-1)?.id.split('.').at(-1) ?? 0);
  lines.push({ id: `${id}.${before + 1}`, from, text: words, files });
  if (lines.length > MOST_LINES) lines.shift();
}

/** What is wrong with the fields of a call, in the words of the desk; `undefined` = nothing. */
export function wrongFields(endpoint: SandboxEndpoint, body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return 'the body must be a JSON object';
  const { conversation_id, timestamp, body: content, bot_id, type } = body as Fields;
  if (typeof conversation_id !== 'string' || conversation_id === '') return 'conversation_id is missing';
  if (!Number.isInteger(timestamp)) return 'timestamp must be a whole number';
  if (endpoint === 'establish' && (typeof bot_id !== 'string' || !Array.isArray(content))) {
    return 'bot_id or body is missing';
  }
  if (endpoint === 'chat' && typeof content !== 'string') return 'body must be a string';
  if (endpoint === 'close' && type !== 'USER_CLOSED' && type !== 'TIMEOUT') return 'type is unknown';
  return undefined;
}
