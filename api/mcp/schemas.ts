import { z } from 'zod';
import { emailAddress } from '../../activities/settings-email.ts';
import { HANDOFF_STATUSES, CLOSE_REASONS, EVENT_TYPES, OFFER_KINDS, REQUEST_KINDS } from '../../workflows/contracts.ts';
import { attachment, clientId, MAX_SEQ, timestamp } from '../schemas/common.ts';
import { messageRequest, REFUSALS, startRequest, user } from '../schemas/handoffs.ts';

/** Longest wait of a call, seconds: MCP clients give up after 60 by default. */
const MAX_WAIT_SECONDS = 45;

/** What the model itself knows. The function-calling forms of `request_handoff` have these and nothing else. */
export const QUESTION = "What the user wants from a human, in the user's own words and language.";
export const EMAIL = "The user's email address, only if the user has given one in this conversation.";
export const KIND =
  'Leave it out. Only when an earlier result had `offers` and the user has chosen one: its `kind`. `message` leaves the question for the humans, `next_opening` connects the user when they are back.';

/** The API's own fields. A name of a schema would make a `$ref`, which not every model's provider follows. */
const plainUser = z.strictObject(user.shape).default({}).describe('Who the user is, as far as you know.');
const plainAttachments = z.array(z.strictObject(attachment.shape)).max(20).optional();
const plainHistory = z
  .array(z.strictObject({ ...startRequest.shape.history.unwrap().element.shape }))
  .max(400)
  .default([])
  .describe('The talk so far, oldest first, without the question. The agent reads the end of it.');

const conversationId = startRequest.shape.conversationId.describe(
  "The conversation's id in your system; in native mode the desk's own id of it. It has at most one open handoff.",
);

const waitSeconds = (byDefault: number, what: string) =>
  z.int().min(0).max(MAX_WAIT_SECONDS).default(byDefault).describe(`How long to wait for ${what}, in seconds.`);

const which = {
  handoffId: clientId().optional().describe('From request_handoff. Give this or conversationId.'),
  conversationId: conversationId.optional().describe('Names the newest handoff of that conversation.'),
};

const MESSAGE_ID =
  "The id of the user's message in your system. The same id again changes nothing, so repeat a failed call with it; " +
  'another message needs another id. Without one, a repeated call is a new message.';

/** With a bot's key the bot is known; the operator has to name it. */
function inputsFor<T extends z.ZodType>(botId: T) {
  const onHandoff = <S extends z.ZodRawShape>(shape: S) =>
    z.strictObject({ botId, ...which, ...shape }).refine(
      (args) => {
        const { handoffId, conversationId: conversation } = args as { handoffId?: string; conversationId?: string };
        return (handoffId === undefined) !== (conversation === undefined);
      },
      { path: ['handoffId'], message: 'give either handoffId or conversationId' },
    );
  return {
    request_handoff: z.strictObject({
      botId,
      conversationId,
      question: startRequest.shape.question.describe(QUESTION),
      email: emailAddress.optional().describe(EMAIL),
      kind: z.enum(REQUEST_KINDS).default('now').describe(KIND),
      channel: startRequest.shape.channel
        .default('api')
        .describe('Where the user is: `whatsapp`, `widget`, `api` or another short name.'),
      user: plainUser,
      history: plainHistory,
      waitSeconds: waitSeconds(10, "the desk's decision"),
    }),
    handoff_status: onHandoff({
      after: z
        .int()
        .min(0)
        .max(MAX_SEQ)
        .default(0)
        .describe('`lastSeq` of the call before: only what is newer comes back.'),
      waitSeconds: waitSeconds(0, 'something new'),
    }),
    send_user_message: onHandoff({
      text: messageRequest.shape.text.describe('What the user wrote, unchanged. At most 16 KiB.'),
      messageId: clientId().optional().describe(MESSAGE_ID),
      attachments: plainAttachments,
      waitChoice: z
        .enum(['wait', 'end'])
        .optional()
        .describe("Status `asking` only: the user's answer to the question in `say`. Leave text out then."),
    }),
    end_handoff: onHandoff({
      by: z.enum(['user', 'bot']).default('user').describe('Who ends it.'),
      waitSeconds: waitSeconds(5, 'the end'),
    }),
  };
}

export const inputs = {
  bot: inputsFor(clientId().optional().describe('Your own bot. May be left out.')),
  operator: inputsFor(clientId().describe('The bot that you act for.')),
};

export const START_OUTCOMES = [
  'started',
  'existing',
  'pending',
  'email_required',
  'scheduled',
  'message_left',
  'busy',
  'ended',
  'refused',
  'failed',
] as const;

/**
 * Strict for us, open for clients: they refuse what a schema does not name, and desks tell more of agents and files than
 * we know.
 */
const loose = <S extends z.ZodRawShape>(shape: S) => z.looseObject(shape) as unknown as z.ZodObject<S>;

const offers = z
  .array(loose({ kind: z.enum(OFFER_KINDS), text: z.string().nullable() }))
  .optional()
  .describe('What the user may have instead of a human now: `kind` for another request_handoff, `text` to show.');

const choice = loose({ choice: z.enum(['wait', 'end']), text: z.string().nullable() });

/** In every result. Absent where nothing is known of it. */
const result = {
  say: z
    .string()
    .nullable()
    .describe("Made by Baton in the user's language. Show it word for word; null: say nothing."),
  botMustBeSilent: z.boolean().optional().describe('A human has the conversation or is being called: add nothing.'),
  whatToDo: z.string().describe('For you, not for the user.'),
  handoffId: z.string().optional(),
  conversationId: z.string().optional(),
  status: z.enum(HANDOFF_STATUSES).optional(),
  lastSeq: z
    .int()
    .optional()
    .describe('`after` of the next handoff_status. Absent: the one that you have, or 0 when you have none.'),
  choices: z
    .array(choice)
    .optional()
    .describe('What the user may answer to `say`; see waitChoice of send_user_message.'),
  error: loose({
    code: z.string(),
    message: z.string(),
    details: z.array(loose({ path: z.string(), message: z.string() })).optional(),
    retryAfterSeconds: z.number().optional(),
  })
    .optional()
    .describe('Only with the outcome `failed`.'),
};

const agent = loose({ id: z.string().optional(), name: z.string().optional(), avatar: z.string().optional() });

/** `handoff.closed` data.packet, as it is there. */
const packet = z.record(z.string(), z.unknown());

const ended = {
  closeReason: z.enum(CLOSE_REASONS).nullable().optional(),
  offers,
  packet: packet.optional().describe('After the end: how it went and what was said, for you to go on with.'),
};

export const outputs = {
  request_handoff: loose({
    outcome: z
      .enum(START_OUTCOMES)
      .describe(
        '`started`: the desk has it. `existing`: it had it before. `pending`: the desk has not decided yet. ' +
          '`email_required`: nobody is called before the user gives an address. `scheduled`: the user is connected at ' +
          '`opensAt`, and you go on until then. `message_left`: the humans have the message. `busy`, `refused`, `ended`, `failed`: no human.',
      ),
    reason: z.enum(REFUSALS).optional().describe('Why it was refused.'),
    opensAt: timestamp.optional(),
    nextOpening: timestamp.nullable().optional().describe('When the desk opens again; null: never.'),
    agent: agent.nullable().optional(),
    ...result,
    ...ended,
  }),
  handoff_status: loose({
    outcome: z.enum(['open', 'closed', 'failed']),
    agent: agent.nullable().optional(),
    deadline: loose({ kind: z.string(), at: timestamp })
      .nullable()
      .optional()
      .describe('When the handoff moves on by itself if nothing happens, and why.'),
    agentMessages: z
      .array(
        loose({
          messageId: z.string(),
          at: timestamp,
          agent: agent.nullable(),
          text: z.string(),
          attachments: z.array(loose({ url: z.string() })).optional(),
        }),
      )
      .optional()
      .describe("The human's words since `after`: show each once, unchanged, in this order."),
    events: z
      .array(
        loose({
          seq: z.int(),
          type: z.enum(EVENT_TYPES),
          at: timestamp,
          data: z.record(z.string(), z.unknown()),
        }),
      )
      .optional()
      .describe('All that happened since `after`.'),
    more: z.boolean().optional().describe('There is more already: call again at once.'),
    ...result,
    ...ended,
  }),
  send_user_message: loose({
    outcome: z.enum(['accepted', 'failed']),
    messageId: z.string().optional(),
    ...result,
  }),
  end_handoff: loose({
    outcome: z.enum(['closed', 'ending', 'failed']),
    ...result,
    ...ended,
  }),
};

export type ToolName = keyof typeof outputs;
export type Args<N extends ToolName> = z.output<(typeof inputs)['bot'][N]>;
export type Result<N extends ToolName> = z.input<(typeof outputs)[N]>;
