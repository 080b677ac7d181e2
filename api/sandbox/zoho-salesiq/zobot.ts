import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookBehaviour } from '../desk-sandbox.ts';
import { type Conversation, type Fields, type Files, isFields, isOpen, SiqError } from './model.ts';
import { readAnswer, type ZobotAnswer } from './zobot-answer.ts';
import type { Talks } from './talks.ts';
import { signatureOf } from './webhooks.ts';
import { freeOperator, type World } from './world.ts';

/** One call of the bot's webhook and what came back. */
export interface ZobotCall {
  handler: string;
  conversationId: string | undefined;
  body: Fields;
  /** 0: no answer in time. */
  status: number;
  answer: unknown;
}

export interface Zobot {
  /** A visitor who lands, and writes in a chat of the bot. Resolves when the bot's webhook has answered. */
  message(
    conversation: Conversation,
    text: string,
    files: Files,
    first: { landing: boolean; isNew: boolean },
  ): Promise<void>;
  /** The answer to a call that was answered with `pending`. */
  callback(requestId: string, answer: unknown): void;
  /** A word on the way to it. */
  progress(requestId: string, text: string): void;
  connect(url: string): void;
  behave(behaviour: WebhookBehaviour): void;
  reset(): void;
  readonly calls: readonly ZobotCall[];
  /** What the bot has answered that SalesIQ cannot use, in words. */
  readonly problems: readonly string[];
  /** After the fourth failure, or a 410. */
  readonly disabled: boolean;
}

export interface ZobotOptions {
  world: World;
  talks: Talks;
  /** Sends what the steps have emitted. */
  flush(): Promise<unknown>;
  /** A chat has come to the humans. */
  forwarded(conversation: Conversation): void;
  signal: AbortSignal;
  /** How long the bot may take. The documentation has 5 s and 10 s; default 5,000. */
  answerMs?: number | undefined;
  /** Longest reply; a longer one fails with 1005. Zoho does not publish it; default: none is too long. */
  replyMax?: number | undefined;
}

const CAUSES: Record<number, string> = {
  1001: 'offline_hours',
  1002: 'operators_not_available',
  1003: 'invalid_operators',
  1005: 'more_than_max_length',
  1007: 'execution_failure',
};

/** Failures without a success between them, each within an hour of the one before. */
const DISABLED_AT = 4;
const HOUR_MS = 3_600_000;

/** The bot of the app: SalesIQ calls Baton for each word of a visitor, and does what it answers. */
export function createZobot({ world, talks, flush, forwarded, signal, ...options }: ZobotOptions): Zobot {
  const { answerMs = 5_000, replyMax = Number.POSITIVE_INFINITY } = options;
  const calls: ZobotCall[] = [];
  const problems: string[] = [];
  const pending = new Map<string, Conversation>();
  const turns = new Map<string, Promise<unknown>>();
  let behaviour: WebhookBehaviour = {};
  let failures: number[] = [];
  let disabled = false;
  let url: string | undefined;

  const visitorOf = ({ id, visitor, question }: Conversation): Fields => ({
    name: visitor.name,
    email: visitor.email,
    phone: visitor.phone ?? '',
    active_conversation_id: id,
    channel: 'Website',
    language: 'en',
    country: visitor.countryCode,
    city: 'Bonn',
    time_zone: 'Europe/Berlin',
    current_page_url: 'https://acme.example/',
    question,
  });

  const requestOf = ({ appId }: Conversation): { id: string } & Fields => ({
    id: randomUUID(),
    app_id: appId,
    os: 'Windows',
    browser: 'Chrome',
    ip: '203.0.113.9',
    location: { country: 'DE', city: 'Bonn', state: 'NW', lat: '50.7', long: '7.1' },
  });

  /** The answer, when there is one that SalesIQ can read. */
  async function call(conversation: Conversation, handler: string, fields: Fields): Promise<ZobotAnswer | undefined> {
    const { drop = false, copies = 1, delayMs = 0, wrongSecret = false } = behaviour;
    if (url === undefined || disabled || drop) return undefined;
    if (delayMs > 0) await delay(delayMs, undefined, { signal }).catch(() => undefined);
    const request = requestOf(conversation);
    const visitor = visitorOf(conversation);
    // Who has only landed has no conversation yet.
    if (handler === 'trigger') delete visitor['active_conversation_id'];
    const body = { handler, org_id: world.orgId, request, visitor, ...fields };
    const text = JSON.stringify(body);
    const posts = Array.from({ length: copies }, () => post(url ?? '', text, wrongSecret));
    const [first = { status: 0, answer: undefined }] = await Promise.all(posts);
    calls.push({ handler, conversationId: conversation.id, body, ...first });
    if (signal.aborted || !isSuccess(first.status)) return undefined;
    // A bot that does not greet has nothing to say to a visitor who only lands.
    if (handler === 'trigger' && isFields(first.answer) && Object.keys(first.answer).length === 0) return undefined;
    const answer = readAnswer(first.answer);
    if (typeof answer === 'string') {
      problems.push(answer);
      return undefined;
    }
    if (answer.action === 'pending') pending.set(request.id, conversation);
    return answer;
  }

  async function post(to: string, body: string, wrong: boolean): Promise<{ status: number; answer: unknown }> {
    const headers = {
      'content-type': 'application/json',
      'x-siqsignature': signatureOf(body, world.signingKey, wrong),
    };
    try {
      const ending = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const response = await fetch(to, { method: 'POST', headers, body, signal: ending, redirect: 'manual' });
      const text = await response.text();
      return { status: response.status, answer: jsonOrText(text) };
    } catch {
      return { status: 0, answer: undefined };
    }
  }

  function isSuccess(status: number): boolean {
    if (status === 200) {
      failures = [];
      return true;
    }
    failures = [...failures.filter((at) => at > world.now() - HOUR_MS), world.now()];
    if (status === 410 || failures.length >= DISABLED_AT) disabled = true;
    return false;
  }

  async function fail(conversation: Conversation, code: number, failed: ZobotAnswer): Promise<void> {
    const fields = { cause: { code, desc: CAUSES[code] }, failed_response: failed.raw };
    const answer = await call(conversation, 'failure', fields);
    if (answer?.action === 'forward') problems.push('a failure was answered with forward: a loop');
    else if (answer !== undefined) await apply(conversation, answer);
    await flush();
  }

  async function apply(conversation: Conversation, answer: ZobotAnswer): Promise<void> {
    const { action, replies } = answer;
    // Somebody else was quicker: an operator, or the visitor who left.
    if (conversation.state !== 'bot') return;
    if (replies.some(({ text }) => text.length > replyMax)) return await fail(conversation, 1005, answer);
    const refusal = action === 'forward' ? forwardRefusal(conversation, answer) : undefined;
    if (refusal !== undefined) return await fail(conversation, refusal, answer);
    for (const { text, files } of replies) talks.botSays(conversation, text, files);
    if (action === 'end') talks.complete(conversation, 'system');
    if (action === 'forward') {
      talks.forward(conversation, answer.department);
      forwarded(conversation);
    }
    await flush();
  }

  function forwardRefusal({ id }: Conversation, { department, operators }: ZobotAnswer): number | undefined {
    if (world.switches.forwarding !== undefined) return world.switches.forwarding;
    // A preview in the console cannot be forwarded; which code it gets is not documented.
    if (id.startsWith('botpreview_')) return 1002;
    if (department !== undefined && !world.departments.some((one) => one.id === department && one.enabled)) return 1003;
    if (operators.some((email) => !world.operators.some((one) => one.email === email))) return 1003;
    return freeOperator(world, department) === undefined ? 1002 : undefined;
  }

  /** One call after the other: the visitor waits for the bot. */
  async function inTurn(conversation: Conversation, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(conversation.id) ?? Promise.resolve()).then(work);
    turns.set(conversation.id, turn);
    await turn;
    if (turns.get(conversation.id) === turn) turns.delete(conversation.id);
  }

  function pendingOf(requestId: string): Conversation {
    const conversation = pending.get(requestId);
    if (conversation === undefined || !isOpen(conversation)) throw new SiqError(1019);
    return conversation;
  }

  return {
    calls,
    problems,
    get disabled() {
      return disabled;
    },
    async message(conversation, text, files, { landing, isNew }) {
      const operation = isNew ? 'chat' : 'message';
      const attachments = files.map(({ url: at, name, contentType }) => ({ url: at, name, content_type: contentType }));
      await inTurn(conversation, async () => {
        const greeting = landing ? await call(conversation, 'trigger', {}) : undefined;
        if (greeting !== undefined) await apply(conversation, greeting);
        if (conversation.state !== 'bot') return;
        const answer = await call(conversation, 'message', { operation, message: { text }, attachments });
        if (answer !== undefined) await apply(conversation, answer);
        // Who is disabled leaves the visitor to the humans.
        if (disabled && conversation.state === 'bot') {
          talks.forward(conversation, undefined);
          forwarded(conversation);
        }
      });
    },
    callback(requestId, given) {
      const conversation = pendingOf(requestId);
      const answer = readAnswer(given);
      if (typeof answer === 'string') throw new SiqError(1015, {}, answer);
      if (answer.action !== 'pending') pending.delete(requestId);
      void apply(conversation, answer);
    },
    progress(requestId, text) {
      const conversation = pendingOf(requestId);
      if (conversation.state === 'bot') talks.botSays(conversation, text);
    },
    connect(to) {
      url = to;
      disabled = false;
      failures = [];
    },
    behave(next) {
      behaviour = next;
    },
    reset() {
      calls.length = 0;
      problems.length = 0;
      pending.clear();
      behaviour = {};
      failures = [];
      disabled = false;
    },
  };
}

function jsonOrText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : text;
  } catch {
    return text;
  }
}
