import { z } from 'zod';
import { emailAddress } from '../../activities/settings-email.ts';
import { DEADLINE_KINDS, HANDOFF_STATUSES, OFFER_KINDS, REQUEST_KINDS } from '../../workflows/contracts.ts';
import {
  agent,
  attachments,
  boundedJson,
  boundedText,
  clientId,
  closeReason,
  cursorQuery,
  keptAttachment,
  limitQuery,
  MAX_TEXT_BYTES,
  mode,
  nextCursor,
  status,
  timeQuery,
  timestamp,
} from './common.ts';
import { botEvent, event } from './events.ts';

const MAX_TURNS = 400;
const MAX_METADATA_BYTES = 8 * 1024;

const locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/, 'must be a language tag such as fr or pt-BR');

export const user = z
  .strictObject({
    id: clientId().exactOptional().describe("The user's id at the bot."),
    anonymousId: clientId().exactOptional(),
    email: emailAddress.exactOptional().describe('When absent, the channel decides: see `channel`.'),
    name: z.string().max(200).exactOptional(),
    phone: z.string().max(50).exactOptional(),
    locale: locale.exactOptional().describe('BCP 47; chooses the language of the texts.'),
  })
  .meta({ id: 'User' });

const turn = z
  .strictObject({
    role: z.enum(['user', 'bot']),
    text: boundedText(MAX_TEXT_BYTES),
    at: z.iso.datetime({ offset: true }).exactOptional(),
  })
  .meta({ id: 'Turn' });

export const startRequest = z
  .strictObject({
    botId: clientId(),
    conversationId: clientId(500).describe(
      "The conversation's id at the bot; in native mode the desk's own id of it. It has at most one open handoff.",
    ),
    channel: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be a short name in lower case')
      .describe(
        'Where the user is: `whatsapp`, `line`, `telegram`, `iframe`, `widget`, `share`, `api` or any other short name. ' +
          'On `iframe`, `widget` and `share` a user whose email is unknown is asked for it; elsewhere the default email of the bot is used. ' +
          "The channel of a desk's own messenger (`intercom`, `livechat`) is for bots in native mode, and the only one there.",
      ),
    user: user.default({}),
    question: boundedText(MAX_TEXT_BYTES)
      .refine((text) => text.trim().length > 0, 'must not be empty')
      .describe("The user's last message, which made the bot ask for a human. At most 16 KiB."),
    history: z.array(turn).max(MAX_TURNS).default([]).describe('Oldest first, without the question.'),
    kind: z
      .enum(REQUEST_KINDS)
      .default('now')
      .describe(
        '`message`: question, address and history become a conversation at the desk for agents to answer later, and the ' +
          'handoff closes as `message_left` once the desk has it. `next_opening`: the desk is asked when the hours open ' +
          'next (`scheduled` until then); while they are open it is as `now`. Both only where the bot offers them.',
      ),
    metadata: boundedJson(MAX_METADATA_BYTES)
      .exactOptional()
      .describe('Kept with the handoff and read back; at most 8 KiB.'),
  })
  .meta({
    id: 'StartHandoff',
    examples: [
      {
        botId: 'shop',
        conversationId: 'conv-118',
        channel: 'whatsapp',
        user: { id: 'cust-20871', email: 'lea@example.org', name: 'Lea', locale: 'en' },
        question: 'I want to speak to someone',
        history: [
          { role: 'user', text: 'How long do refunds take?' },
          { role: 'bot', text: 'Usually five working days.' },
        ],
      },
    ],
  });

const deadline = z
  .object({ kind: z.enum(DEADLINE_KINDS), at: timestamp })
  .meta({ id: 'Deadline', description: 'What ends the handoff, or asks the user (`wait`), when nothing happens.' });

const counts = z
  .object({
    user: z.int().describe("The user's messages."),
    agent: z.int().describe("The agent's messages."),
    failed: z.int().describe("The user's messages that did not arrive."),
    duplicates: z.int().describe('Repeats that changed nothing.'),
    late: z.int().describe('Messages that came after the end.'),
  })
  .meta({ id: 'HandoffCounts' });

const earlierDesk = z
  .object({
    desk: z.string(),
    deskConversationId: z.string().nullable(),
    why: z.enum(['wait_timeout', 'desk_unavailable']),
    leftAt: timestamp,
  })
  .meta({ id: 'EarlierDesk' });

export const handoff = z
  .object({
    id: z.string(),
    botId: z.string(),
    conversationId: z.string(),
    desk: z.string(),
    deskConversationId: z.string().nullable(),
    earlierDesks: z.array(earlierDesk).describe('Where the request was before, and nobody answered.'),
    channel: z.string(),
    mode,
    status,
    closeReason: closeReason.nullable(),
    botSilent: z.boolean().describe('A human has the conversation or is being called: the bot must not answer.'),
    user: z.record(z.string(), z.unknown()),
    question: z.string(),
    kind: z.enum(REQUEST_KINDS),
    opensAt: timestamp.nullable().describe('`next_opening`: when the desk is or was asked.'),
    metadata: z.unknown(),
    agent: agent.nullable(),
    lastSeq: z.int().describe('`seq` of the newest event, 0 before the first.'),
    startedAt: timestamp,
    activeAt: timestamp.nullable(),
    closedAt: timestamp.nullable(),
    deadline: deadline.nullable(),
    counts,
    links: z
      .object({
        temporal: z.string().nullable().describe("Its run in the Temporal UI, with the operator's key."),
        desk: z.string().nullable().describe("Its conversation in the desk's own web application; never in lists."),
      })
      .describe('null where nothing is known.'),
  })
  .meta({ id: 'Handoff' });

export const lateMessage = z
  .object({
    id: z.string(),
    at: timestamp,
    from: z.enum(['user', 'agent']),
    text: z.string(),
    attachments: z.array(keptAttachment).exactOptional(),
    agent: agent.exactOptional(),
    desk: z.string().exactOptional().describe('It came from this desk, which the handoff had left.'),
  })
  .meta({ id: 'LateMessage' });

export const handoffWithLate = handoff
  .extend({ lateMessages: z.array(lateMessage).describe('What arrived after the end; it was not shown to the user.') })
  .meta({ id: 'HandoffState' });

export const REFUSALS = ['disabled', 'not_configured', 'channel_not_supported', 'out_of_hours', 'not_offered'] as const;

export const offer = z
  .object({
    kind: z.enum(OFFER_KINDS).describe('What to send as `kind` of the next `POST /v1/handoffs`.'),
    text: z.string().nullable().describe("For a button, in the user's language; null: the bot says nothing."),
  })
  .meta({ id: 'Offer', description: 'What the user may have instead of a human now.' });

export const started = z.object({ outcome: z.literal('started'), handoff }).meta({
  id: 'HandoffStarted',
  description: '`botSilent` says whether the bot is silent from now on, until `handoff.closed`.',
});

export const existingOrRefused = z
  .discriminatedUnion('outcome', [
    z.object({ outcome: z.literal('existing'), handoff }),
    z.object({
      outcome: z.literal('refused'),
      reason: z.enum(REFUSALS),
      reply: z.string().exactOptional().describe("Ready to show, in the user's language."),
      nextOpening: timestamp.nullable().exactOptional().describe('null: no period lies ahead.'),
      offers: z.array(offer).exactOptional().describe('Absent when the bot offers nothing.'),
    }),
  ])
  .meta({ id: 'HandoffExistingOrRefused', description: 'Nothing was started.' });

export const handoffQuery = z.object({
  botId: z.string().max(200).optional(),
  conversationId: z.string().max(500).optional(),
  desk: z.string().max(200).optional(),
  status: z
    .enum([...HANDOFF_STATUSES, 'open'])
    .optional()
    .describe('`open`: all but `closed`.'),
  closeReason: closeReason.optional(),
  from: timeQuery.optional().describe('Began then or later.'),
  to: timeQuery.optional().describe('Began before.'),
  cursor: cursorQuery,
  limit: limitQuery,
});

export const handoffPage = z.object({ handoffs: z.array(handoff), nextCursor }).meta({ id: 'HandoffPage' });

export const messageRequest = z
  .strictObject({
    id: clientId()
      .exactOptional()
      .describe('The same id again changes nothing. Without one Baton makes one, and a repeat is a new message.'),
    text: boundedText(MAX_TEXT_BYTES).default(''),
    attachments: attachments.exactOptional(),
  })
  .refine((m) => m.text.trim().length > 0 || (m.attachments ?? []).length > 0, {
    path: ['text'],
    message: 'must not be empty without attachments',
  })
  .meta({ id: 'UserMessage', examples: [{ id: 'msg-1', text: 'My order number is 4471.' }] });

export const messageAccepted = z.object({ id: z.string(), handoffId: z.string() }).meta({ id: 'MessageAccepted' });

export const emailRequest = z
  .strictObject({ email: emailAddress })
  .meta({ id: 'GiveEmail', examples: [{ email: 'lea@example.org' }] });

export const waitRequest = z
  .strictObject({ choice: z.enum(['wait', 'end']).describe('`wait`: the full wait time again.') })
  .meta({ id: 'WaitChoice', examples: [{ choice: 'wait' }] });

export const closeRequest = z
  .strictObject({
    by: z.enum(['user', 'bot', 'operator']).default('user').describe('`operator`: with the operator key only.'),
  })
  .meta({ id: 'CloseHandoff', examples: [{ by: 'user' }] });

export const accepted = z.object({ handoffId: z.string() }).meta({ id: 'Accepted' });

export const eventPage = z
  .object({ events: z.array(event), next: z.int().describe('`after` of the next call.') })
  .meta({ id: 'EventPage' });

export const botEventPage = z
  .object({ events: z.array(botEvent), next: z.string().describe('`after` of the next call.') })
  .meta({ id: 'BotEventPage' });
