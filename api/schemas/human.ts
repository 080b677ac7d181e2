import { z } from 'zod';
import { attachments, boundedText, clientId } from './common.ts';

/** Far more than an agent writes; a desk's reply is kept whole. */
const MAX_REPLY_BYTES = 64 * 1024;

const timestamp = z.int().min(0).describe('Epoch milliseconds.');
const conversationId = clientId(500).describe('The `conversation_id` that the desk received, unchanged.');

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

export const humanMessage = z
  .object({
    conversation_id: conversationId,
    timestamp,
    body: boundedText(MAX_REPLY_BYTES).default('').describe("The agent's text. May be empty beside attachments."),
    message_id: clientId()
      .exactOptional()
      .describe(
        'Ours: the same id again changes nothing. Without it the same conversation_id, timestamp, body and attachments count as a repeat.',
      ),
    agent: z
      .object({ id: z.string().max(200), name: z.string().max(200), avatar: z.string().max(2048) })
      .partial()
      .exactOptional()
      .describe('Ours: who answers.'),
    attachments: attachments.exactOptional().describe('Ours: references to files.'),
  })
  .refine((m) => Array.isArray(m.attachments) && m.attachments.length > 0, {
    path: ['body'],
    message: 'is required',
    // Also looked at when other fields are wrong, so that one answer names all problems.
    when: ({ value }) => isObject(value) && (value['body'] === undefined || value['body'] === ''),
  })
  .meta({
    id: 'HumanMessage',
    examples: [
      {
        conversation_id: 'ho_2b1c9f0e7d3a4c58',
        timestamp: 1760947275400,
        body: 'Hello Lea, I am looking at order 4471.',
      },
    ],
  });

export const humanClose = z
  .object({ conversation_id: conversationId, timestamp })
  .meta({ id: 'HumanClose', examples: [{ conversation_id: 'ho_2b1c9f0e7d3a4c58', timestamp: 1760948100000 }] });

export const humanAnswer = z
  .object({ code: z.int(), message: z.string() })
  .meta({ id: 'HumanAnswer', examples: [{ code: 200, message: 'success' }] });
