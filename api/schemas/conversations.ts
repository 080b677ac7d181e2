import { z } from 'zod';
import { botParams } from './bots.ts';
import { timestamp } from './common.ts';
import { conversationEvent } from './events.ts';

export const conversationParams = botParams.extend({
  conversationId: z.string().max(500).describe("The desk's own id of the conversation, as its events name it."),
});

export const conversation = z
  .object({
    id: z.string().describe("The desk's own id of the conversation."),
    desk: z.string(),
    owner: z.enum(['bot', 'human']).describe('`human`: the bot must not speak, its messages are refused.'),
    handoffId: z.string().nullable().describe('The open handoff that has the conversation.'),
    lastSeq: z.int().describe('`seq` of the newest event, 0 before the first.'),
    startedAt: timestamp,
  })
  .meta({ id: 'Conversation', description: "Native mode: a conversation in the desk's own messenger." });

export const botMessageAccepted = z
  .object({ id: z.string(), conversationId: z.string() })
  .meta({ id: 'BotMessageAccepted' });

export const conversationEventPage = z
  .object({ events: z.array(conversationEvent), next: z.int().describe('`after` of the next call.') })
  .meta({ id: 'ConversationEventPage' });
