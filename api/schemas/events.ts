import { z } from 'zod';
import { CONVERSATION_EVENT_TYPES, EVENT_TYPES, PACKET_OUTCOMES } from '../../workflows/contracts.ts';
import { agent, closeReason, timestamp } from './common.ts';

const packetMessage = z.object({
  role: z.enum(['user', 'assistant']).describe('`assistant`: the human at the desk, who spoke in place of the bot.'),
  name: z.string().exactOptional().describe('Of the human at the desk.'),
  content: z.string().describe('The text; addresses of files follow, one a line.'),
});

/** `data.packet` of `handoff.closed`. */
const returnPacket = z
  .object({
    outcome: z
      .enum(PACKET_OUTCOMES)
      .describe(
        '`answered`: a human answered, then somebody closed or the user said no more. `abandoned`: ended before a human ' +
          'answered. `timed_out`: nobody answered in time, or the human left the user waiting.',
      ),
    reason: closeReason,
    durationSeconds: z.int().nullable().describe('From the request to the end.'),
    waitSeconds: z.int().nullable().describe("From the desk's acceptance to the first reply; null without one."),
    agent: agent.nullable(),
    lastWords: z.string().nullable().describe("The human's last message."),
    messages: z
      .array(packetMessage)
      .describe(
        "What user and human said, oldest first, ready for a model's context: the newest 40 messages of at most 16,000 " +
          'characters together. Empty when the run was terminated (`detail: run_gone`).',
      ),
    omitted: z.int().describe('How many older messages there were; the journal has them.'),
  })
  .meta({ id: 'ReturnPacket', description: 'What a bot needs to go on well after a handoff.' });

export const event = z
  .object({
    type: z.enum(EVENT_TYPES),
    seq: z.int().min(1).describe('Counts from 1 without a gap per handoff.'),
    at: timestamp,
    botId: z.string(),
    handoffId: z.string(),
    conversationId: z.string(),
    data: z
      .record(z.string(), z.unknown())
      .describe(
        "User-facing events carry `text`, ready to show, in the user's language; `handoff.closed` carries `packet`. `recovered`: a message that no webhook told, found at the desk.",
      )
      .meta({ properties: { packet: { $ref: `#/components/schemas/${returnPacket.meta()?.id}` } } }),
  })
  .meta({
    id: 'HandoffEvent',
    examples: [
      {
        type: 'message.agent',
        seq: 4,
        at: '2026-01-30T09:15:00.000Z',
        botId: 'shop',
        handoffId: 'ho_2b1c9f0e7d3a4c58',
        conversationId: 'conv-118',
        data: { text: 'Hello Lea, I am looking at order 4471.', agent: { name: 'Nora' } },
      },
    ],
  });

export const conversationEvent = z
  .object({
    type: z.enum(CONVERSATION_EVENT_TYPES),
    seq: z.int().min(1).describe('Counts from 1 without a gap per conversation, over all its sessions.'),
    at: timestamp,
    botId: z.string(),
    conversationId: z.string().describe("The desk's own id of the conversation."),
    data: z
      .record(z.string(), z.unknown())
      .describe(
        '`conversation.message`: `messageId`, `from` (`user` or `agent`), `text`, `attachments?`, `botSilent` (a human has the conversation: do not answer), `recovered?`.',
      ),
  })
  .meta({
    id: 'ConversationEvent',
    description: "Native mode: a conversation in the desk's own messenger while no handoff has it.",
    examples: [
      {
        type: 'conversation.message',
        seq: 2,
        at: '2026-01-30T09:15:00.000Z',
        botId: 'shop',
        conversationId: '215473840',
        data: { messageId: 'intercom:part-1', from: 'user', text: 'Where is my parcel?', botSilent: false },
      },
    ],
  });

/** Of all that a bot's stream and callback carry. */
export const botEvent = z.union([event, conversationEvent]);
