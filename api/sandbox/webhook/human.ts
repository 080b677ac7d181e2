import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookBehaviour } from '../desk-sandbox.ts';
import { addLine, type SandboxConversation } from './records.ts';

/** Baton's answer to `/v1/human/*`; `status` 0 when there was none. */
export interface BatonAnswer {
  status: number;
  code?: number;
  message?: string;
}

export interface ReplyOptions {
  /** Epoch milliseconds; default: now, strictly increasing per conversation. */
  timestamp?: number;
  messageId?: string;
  agent?: { id?: string; name?: string; avatar?: string };
  attachments?: { url: string; name?: string; contentType?: string }[];
  /** Sends the same again until Baton has given an answer that is final, for at most this long. */
  retryForMs?: number;
}

export type BurstStep = { reply: string } | 'close';

/** The human at the desk: what the desk calls at Baton. */
export interface SandboxHuman {
  reply(conversationId: string, text: string, options?: ReplyOptions): Promise<BatonAnswer>;
  close(conversationId: string, options?: { timestamp?: number; retryForMs?: number }): Promise<BatonAnswer>;
  /** The same reply at the same moment, `times` times. */
  replyAtOnce(conversationId: string, text: string, times: number): Promise<BatonAnswer[]>;
  /** Starts all steps in this order within `withinMs` (default 50), none waits for the answer to another. */
  burst(conversationId: string, steps: BurstStep[], options?: { withinMs?: number }): Promise<BatonAnswer[]>;
}

export interface HumanLink {
  /** Where Baton's `/v1/human/*` is, and the bot's key there; several when the bot is not known. */
  batons(botId: string | undefined): { url: string; key: string }[];
  conversation(id: string): SandboxConversation | undefined;
  /** How the calls go out. */
  behaviour(): WebhookBehaviour;
  signal(): AbortSignal;
}

const RETRY_EVERY_MS = 200;
const CALL_TIMEOUT_MS = 10_000;
/** The conversation does not belong to this key. */
const ANOTHER_BOTS = 40_358;

export function createHuman(link: HumanLink): SandboxHuman {
  const lastTimestamps = new Map<string, number>();

  function nextTimestamp(conversationId: string): number {
    const next = Math.max(Date.now(), (lastTimestamps.get(conversationId) ?? 0) + 1);
    lastTimestamps.set(conversationId, next);
    return next;
  }

  async function post(conversationId: string, path: string, fields: object): Promise<BatonAnswer> {
    let answer: BatonAnswer = { status: 0, message: 'the sandbox does not know where Baton is' };
    for (const baton of link.batons(link.conversation(conversationId)?.botId)) {
      answer = await postTo(baton, conversationId, path, fields);
      if (answer.code !== ANOTHER_BOTS) break;
    }
    return answer;
  }

  async function postTo(
    baton: { url: string; key: string },
    conversationId: string,
    path: string,
    fields: object,
  ): Promise<BatonAnswer> {
    const { wrongSecret = false } = link.behaviour();
    try {
      const response = await fetch(`${baton.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${wrongSecret ? 'nobody' : baton.key}` },
        body: JSON.stringify({ conversation_id: conversationId, ...fields }),
        signal: AbortSignal.any([link.signal(), AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      });
      const answer = (await response.json().catch(() => ({}))) as { code?: number; message?: string };
      return { status: response.status, ...answer };
    } catch (error) {
      return { status: 0, message: error instanceof Error ? error.message : 'no answer' };
    }
  }

  /** With the misbehaviour that is switched on: late, several times, or never. */
  async function send(id: string, path: string, fields: object, retryForMs = 0): Promise<BatonAnswer> {
    const { drop = false, delayMs = 0, copies = 1 } = link.behaviour();
    if (drop) return { status: 0, message: 'dropped' };
    if (delayMs > 0) await delay(delayMs, undefined, { signal: link.signal() }).catch(() => undefined);
    const all = Array.from({ length: copies }, () => postUntilFinal(id, path, fields, retryForMs));
    return (await Promise.all(all))[0] ?? { status: 0 };
  }

  async function postUntilFinal(id: string, path: string, fields: object, retryForMs: number): Promise<BatonAnswer> {
    const endsAt = Date.now() + retryForMs;
    for (;;) {
      const answer = await post(id, path, fields);
      const again = answer.status === 0 || answer.status === 429 || answer.status >= 500;
      if (!again || Date.now() >= endsAt || link.signal().aborted) return answer;
      await delay(RETRY_EVERY_MS);
    }
  }

  const human: SandboxHuman = {
    async reply(conversationId, text, options = {}) {
      const { timestamp = nextTimestamp(conversationId), messageId, agent, attachments, retryForMs } = options;
      const fields = {
        timestamp,
        body: text,
        ...(messageId !== undefined && { message_id: messageId }),
        ...(agent !== undefined && { agent }),
        ...(attachments !== undefined && { attachments }),
      };
      const conversation = link.conversation(conversationId);
      if (conversation !== undefined) addLine(conversation, 'agent', text, attachments?.map(named));
      const answer = await send(conversationId, '/v1/human/message/receive', fields, retryForMs);
      if (answer.status === 200) conversation?.replies.push(text);
      return answer;
    },
    async close(conversationId, options = {}) {
      const { timestamp = nextTimestamp(conversationId), retryForMs } = options;
      const answer = await send(conversationId, '/v1/human/close', { timestamp }, retryForMs);
      const conversation = link.conversation(conversationId);
      if (answer.status === 200 && conversation !== undefined) conversation.closed ??= 'AGENT';
      return answer;
    },
    async replyAtOnce(conversationId, text, times) {
      const timestamp = nextTimestamp(conversationId);
      return await Promise.all(Array.from({ length: times }, () => human.reply(conversationId, text, { timestamp })));
    },
    async burst(conversationId, steps, options = {}) {
      const gapMs = (options.withinMs ?? 50) / Math.max(1, steps.length);
      const started: Promise<BatonAnswer>[] = [];
      for (const step of steps) {
        if (started.length > 0) await delay(gapMs);
        started.push(step === 'close' ? human.close(conversationId) : human.reply(conversationId, step.reply));
      }
      return await Promise.all(started);
    },
  };
  return human;
}

const named = ({ url, name = url, contentType }: NonNullable<ReplyOptions['attachments']>[number]) => ({
  url,
  name,
  ...(contentType !== undefined && { contentType }),
});
