import { IANAZone } from 'luxon';
import { z } from 'zod';
import { CLOSE_REASONS, EVENT_TYPES } from '../../workflows/contracts.ts';
import { agent, attachments, clientId, closeReason, mode, status, timeQuery, timestamp } from './common.ts';
import { lateMessage } from './handoffs.ts';

/** `Intl` also takes offsets, which know no clock change. */
const isZone = (name: string): boolean => /^[A-Za-z]/.test(name) && IANAZone.isValidZone(name);

export const timezoneQuery = z
  .string()
  .refine(isZone, 'must be an IANA time zone, for example Europe/Paris')
  .default('UTC');

export const overviewQuery = z.object({
  from: timeQuery.optional().describe('7 days before `to` when absent.'),
  to: timeQuery.optional().describe('Now when absent. The range includes `from` and not `to`.'),
  botId: clientId().optional().describe("All bots when absent; with a bot's key its own."),
  timezone: timezoneQuery.describe('Days begin at midnight there.'),
});

const count = z.int().min(0);

const counted = {
  started: count,
  answered: count.describe('An agent has spoken.'),
  refused: count.describe('Requests that began no handoff.'),
  abandoned: count.describe(
    'Ended without an answer by the user, by the wait time or because no e-mail address was given.',
  ),
  closed: count,
  moved: count.describe('Went on at the second desk, because nobody answered at the first.'),
  messages: count.describe('Of users and agents.'),
  failures: count.describe('Messages that did not arrive.'),
};

const seconds = z.number().min(0);

export const overview = z
  .object({
    from: timestamp,
    to: timestamp,
    interval: z.enum(['hour', 'day']).describe('`hour` up to three days.'),
    totals: z.object(counted),
    series: z
      .array(z.object({ at: timestamp, ...counted }))
      .describe('One entry for each hour or day, also for those without anything. The first begins at `from`.'),
    refusals: z.record(z.string(), count).describe('Refused requests by reason.'),
    closeReasons: z.partialRecord(z.enum(CLOSE_REASONS), count),
    desks: z.array(z.object({ desk: z.string(), started: count, failures: count })),
    firstReplySeconds: z
      .object({ median: seconds, p90: seconds })
      .nullable()
      .describe("From the request to the agent's first words; null when nobody was answered."),
    firstReplySeries: z.array(z.object({ at: timestamp, median: seconds.nullable(), p90: seconds.nullable() })),
  })
  .meta({
    id: 'Overview',
    description:
      'What became of a handoff (answered, abandoned, closed, its messages) counts in the hour or day in which the handoff began.',
  });

export const service = z
  .object({
    version: z.string(),
    temporalUi: z.string().nullable().describe('Address of the Temporal UI, when it is known.'),
    namespace: z.string().describe('At Temporal.'),
    playground: z.boolean(),
    sandboxes: z.array(z.string()).describe('Ids of the desks that are simulated here.'),
    languages: z.array(z.string()).describe('Languages of the built-in texts.'),
    publicUrl: z.string(),
  })
  .meta({ id: 'ServiceInfo' });

const transcriptEntry = z.object({
  seq: z.int(),
  at: timestamp,
  type: z.enum(EVENT_TYPES),
  from: z.enum(['user', 'agent', 'baton']),
  text: z.string().nullable().describe('Said, or shown to the user.'),
  messageId: z.string().exactOptional(),
  agent: agent.exactOptional(),
  attachments: attachments.exactOptional(),
  reason: z.string().exactOptional().describe('Of a message that did not arrive.'),
});

export const transcript = z
  .object({
    version: z.literal(1),
    handoff: z.object({
      id: z.string(),
      botId: z.string(),
      conversationId: z.string(),
      desk: z.string(),
      deskConversationId: z.string().nullable(),
      channel: z.string(),
      mode,
      status,
      user: z.record(z.string(), z.unknown()),
      agent: agent.nullable(),
      startedAt: timestamp,
      activeAt: timestamp.nullable(),
      closedAt: timestamp.nullable(),
    }),
    before: z
      .array(z.object({ role: z.enum(['user', 'bot']), text: z.string(), at: z.string().exactOptional() }))
      .nullable()
      .describe('The talk of user and bot, oldest first; null when it was not kept (handoffs of earlier versions).'),
    question: z.string(),
    entries: z.array(transcriptEntry).describe('What happened, in order, without the end.'),
    end: z
      .object({ seq: z.int(), at: timestamp, reason: closeReason, text: z.string().nullable() })
      .nullable()
      .describe('null: it goes on.'),
    late: z.array(lateMessage).describe('What arrived after the end; it was not shown to the user.'),
  })
  .meta({ id: 'Transcript' });

export type TranscriptEntry = z.output<typeof transcriptEntry>;
export type Transcript = z.output<typeof transcript>;
