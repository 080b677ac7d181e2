import type { DeskCloseReason, Turn } from '../../../workflows/contracts.ts';
import { DeskError } from '../../errors.ts';
import { leftNote } from '../../text/left-note.ts';
import type { Desk, DeskContext, OpenRequest } from '../desk.ts';
import { call, probe } from './client.ts';
import { type WebhookConfig, webhookConfig } from './config.ts';

const context = (turns: Turn[]): { message_type: 'QUESTION' | 'ANSWER'; text: string }[] =>
  turns.map(({ role, text }) => ({ message_type: role === 'user' ? 'QUESTION' : 'ANSWER', text }));

/** N rounds, then the question, then an empty answer (gptbots-handoff section 4.1, reading A26). */
function establishBody(request: OpenRequest): Record<string, unknown> {
  const { user } = request;
  return {
    conversation_id: request.handoffId,
    timestamp: request.timestamp,
    email: request.email ?? '',
    bot_id: request.botId,
    body: [
      ...context(request.history),
      { message_type: 'QUESTION', text: request.question },
      // The contract has no place for a note: what the bot has to say about it are words of the bot.
      { message_type: 'ANSWER', text: leftNote(request) ?? '' },
    ],
    user_info: {
      phone: request.channel === 'whatsapp' ? (user.phone ?? null) : null,
      // What the user typed when asked comes beside `user`, as the address of the conversation.
      email: user.email ?? request.email ?? '',
      user_id: user.id ?? '',
      anonymous_id: user.anonymousId ?? '',
    },
    // Not of the contract, so it is only there when it says something.
    ...(request.leftMessage && { left_message: true }),
  };
}

/** The contract knows two words: the user (or the bot for the user) left, or time ran out (section 4.3). */
const closeType = (reason: DeskCloseReason): 'USER_CLOSED' | 'TIMEOUT' =>
  reason === 'user_closed' || reason === 'bot_closed' ? 'USER_CLOSED' : 'TIMEOUT';

const wasRejected = (error: unknown): boolean => error instanceof DeskError && error.kind === 'rejected';

/** A help desk that the customer wrote, compatible with GPTBots' Webhook vendor. */
export const webhook: Desk<WebhookConfig> = {
  id: 'webhook',
  wireName: 'Webhook',
  title: 'Webhook',
  docs: 'https://www.gptbots.ai/docs/api-reference/conversation-api/human-handoff-service',
  capabilities: {
    modes: ['external'],
    files: false,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: false,
    lookup: false,
    reportsForeign: false,
    signsWebhooks: 'none',
  },
  limits: { textMax: 100_000, requestsPerSecond: 100, retryHeader: 'retry-after' },
  config: webhookConfig,
  ownChannels: [],

  async verify(ctx) {
    const status = await probe(ctx);
    return { detail: `${new URL(ctx.config.url).host} answered with HTTP status ${status}` };
  },

  async open(ctx, request) {
    await call(ctx, 'open', 'conversation/establish', request.key, establishBody(request));
    return { deskConversationId: request.handoffId };
  },

  /** The contract has no attachments: each goes as a further message with its link (reading A24). */
  async send(ctx, message) {
    const parts = [...(message.text === '' ? [] : [{ text: message.text }]), ...message.attachments];
    const dropped = [];
    for (const [index, part] of parts.entries()) {
      if (index < (message.parts?.done ?? 0)) continue;
      const isFile = 'url' in part;
      const text = isFile ? part.url : part.text;
      try {
        await sendPart(ctx, message, index, text);
        if (index < parts.length - 1) await message.parts?.mark(index + 1);
      } catch (error) {
        // Without its text, or when all of it is refused, the message as a whole has failed.
        if (!isFile || index === 0 || !wasRejected(error)) throw error;
        dropped.push(part);
      }
    }
    return dropped.length === 0 ? {} : { dropped };
  },

  async close(ctx, request) {
    await call(ctx, 'close', 'conversation/close', request.key, {
      conversation_id: request.deskConversationId,
      timestamp: request.timestamp,
      type: closeType(request.reason),
    });
  },
};

async function sendPart(
  ctx: DeskContext<WebhookConfig>,
  message: { key: string; deskConversationId: string; timestamp: number },
  index: number,
  text: string,
): Promise<void> {
  await call(ctx, 'send', 'chat', index === 0 ? message.key : `${message.key}.${index}`, {
    conversation_id: message.deskConversationId,
    timestamp: message.timestamp + index,
    body: text,
  });
}
