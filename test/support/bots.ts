import { withCallbackSecret } from './callback.ts';
import { randomUUID } from 'node:crypto';
import type { WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import type { CloseReason, HandoffEvent, LateMessage } from '../../workflows/contracts.ts';
import { until } from './poll.ts';

/** Where Baton is now, which a restart may change, and the operator's key. */
export type Link = () => { url: string; key: string };

/** What became of something that a client sent: `unknown` = no answer that says either. */
export type Outcome = 'accepted' | 'closed' | 'unknown';

export interface Said {
  id: string;
  text: string;
  outcome: Outcome;
  /** Answers that were not final. */
  retries: number;
}

/** One handoff as its two sides see it: all that they sent, in order. */
export interface Talk {
  id: string;
  bot: Bot;
  conversationId: string;
  said: Said[];
  replied: { id: string; text: string; outcome: Outcome }[];
  /** Sends a user's message; with `retryForMs` the same one again until the answer is final. One after the other. */
  say(text: string, options?: { retryForMs?: number }): Promise<Said>;
  /** The agent answers at the desk. */
  reply(text: string, options?: { retryForMs?: number }): Promise<Outcome>;
  end(by: 'user' | 'bot', retryForMs?: number): Promise<void>;
  events(): Promise<HandoffEvent[]>;
  late(): Promise<LateMessage[]>;
  sees(type: HandoffEvent['type'], timeoutMs?: number): Promise<HandoffEvent>;
}

export interface Bot {
  id: string;
  key: string;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks for a human; repeats the request until it is answered. */
  start(over?: Record<string, unknown>, retryForMs?: number): Promise<Talk>;
}

export interface Answer {
  /** 0: no answer. */
  status: number;
  retryAfter: string | null;
  // oxlint-disable-next-line typescript/no-explicit-any -- a JSON answer, looked at by the test
  json: any;
}

const EVERY_MS = 150;
const CALL_MS = 15_000;
/** What a test prepares is asked for again while the API is overloaded. */
const SETUP_MS = 60_000;

const isFinal = (status: number): boolean => status !== 0 && status < 500 && status !== 429;

/** The bot's backend as a client of the API: real HTTP, and patience. */
export function createBots(on: { desk: WebhookSandbox; deskUrl: string; link: Link }) {
  return async (settings: Record<string, unknown> = {}): Promise<Bot> => {
    const botId = `bot-${randomUUID().slice(0, 8)}`;
    const desk = { kind: 'webhook', url: on.deskUrl };
    const body = { enabled: true, desk, ...withCallbackSecret(settings) };
    const saved = await persist(() => call(on.link, 'PUT', `/v1/bots/${botId}`, body), SETUP_MS);
    if (saved.status !== 201 && saved.status !== 200)
      throw new Error(`PUT bot: ${saved.status} ${JSON.stringify(saved.json)}`);
    const made = await persist(() => call(on.link, 'POST', `/v1/bots/${botId}/keys`, {}), SETUP_MS);
    if (made.status !== 201) throw new Error(`POST key: ${made.status} ${JSON.stringify(made.json)}`);
    const key = String(made.json.key);
    on.desk.connect({ botId, apiKey: key });
    const link: Link = () => ({ url: on.link().url, key });
    const bot: Bot = {
      id: botId,
      key,
      call: (method, path, body) => call(link, method, path, body),
      async start(over = {}, retryForMs = 0) {
        const conversationId = `conversation-${randomUUID()}`;
        const body = { botId, conversationId, channel: 'api', user: { id: 'u-1' }, question: 'A person?', ...over };
        const { status, json } = await persist(() => bot.call('POST', '/v1/handoffs', body), retryForMs);
        if (status !== 201 && status !== 200) throw new Error(`start: ${status} ${JSON.stringify(json)}`);
        return talkOf(bot, on.desk, json.handoff.id, body.conversationId);
      },
    };
    return bot;
  };
}

function talkOf(bot: Bot, desk: WebhookSandbox, id: string, conversationId: string): Talk {
  const at = `/v1/handoffs/${id}`;
  const said: Said[] = [];
  const replied: Talk['replied'] = [];
  const talk: Talk = {
    id,
    bot,
    conversationId,
    said,
    replied,
    async say(text, { retryForMs = 0 } = {}) {
      const message: Said = { id: `u-${said.length + 1}`, text, outcome: 'unknown', retries: 0 };
      said.push(message);
      const send = () => bot.call('POST', `${at}/messages`, { id: message.id, text });
      const answer = await persist(send, retryForMs, () => (message.retries += 1));
      if (answer.status === 202) message.outcome = 'accepted';
      // A try before this one may have been stored without our being told.
      else if (answer.status === 409) message.outcome = message.retries > 0 ? 'unknown' : 'closed';
      else if (isFinal(answer.status)) throw new Error(`say: ${answer.status} ${JSON.stringify(answer.json)}`);
      return message;
    },
    async reply(text, { retryForMs = 0 } = {}) {
      const reply = { id: `a-${replied.length + 1}`, text, outcome: 'unknown' as Outcome };
      replied.push(reply);
      const { status, code } = await desk.reply(id, text, { messageId: reply.id, retryForMs });
      if (status === 200) reply.outcome = 'accepted';
      else if (code === 40356) reply.outcome = 'closed';
      else if (isFinal(status)) throw new Error(`reply: ${status} ${code}`);
      return reply.outcome;
    },
    async end(by, retryForMs = 0) {
      const { status } = await persist(() => bot.call('POST', `${at}/close`, { by }), retryForMs);
      if (status !== 200) throw new Error(`close: ${status}`);
    },
    async events() {
      const events: HandoffEvent[] = [];
      for (;;) {
        const { status, json } = await bot.call('GET', `${at}/events?after=${events.length}&limit=500`);
        if (status !== 200) throw new Error(`events: ${status} ${JSON.stringify(json)}`);
        events.push(...(json.events as HandoffEvent[]));
        if (json.events.length < 500) return events;
      }
    },
    async late() {
      const { status, json } = await bot.call('GET', at);
      if (status !== 200) throw new Error(`state: ${status}`);
      return json.lateMessages as LateMessage[];
    },
    sees: (type, timeoutMs = 45_000) =>
      until(async () => (await talk.events()).findLast((event) => event.type === type), {
        timeoutMs,
        message: `${type} in ${id}`,
      }),
  };
  return talk;
}

/** The same call again until its answer is final, for at most this long. */
export async function persist(send: () => Promise<Answer>, retryForMs: number, again?: () => void): Promise<Answer> {
  const end = Date.now() + retryForMs;
  for (;;) {
    const answer = await send();
    if (answer.status === 503 && answer.retryAfter === null) throw new Error('a 503 without Retry-After');
    if (isFinal(answer.status) || Date.now() >= end) return answer;
    again?.();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

/** One call of the API; never throws. */
export async function call(link: Link, method: string, path: string, body?: unknown): Promise<Answer> {
  const { url, key } = link();
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS),
    });
    const text = await response.text();
    return { status: response.status, retryAfter: response.headers.get('retry-after'), json: text && parsed(text) };
  } catch {
    return { status: 0, retryAfter: null, json: undefined };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const reasonOf = (events: HandoffEvent[]): CloseReason | undefined =>
  events.find((event) => event.type === 'handoff.closed')?.data['reason'] as CloseReason | undefined;
