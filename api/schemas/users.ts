import { z } from 'zod';
import { clientId, timestamp } from './common.ts';
import { botEvent } from './events.ts';
import { transcript } from './insight.ts';

/** What one person is found by. Not the form of `user`: what was stored under older rules must be found as well. */
export const person = z
  .strictObject({
    id: clientId().exactOptional(),
    anonymousId: clientId().exactOptional(),
    email: z.string().min(1).max(254).exactOptional().describe('In any case.'),
    phone: z.string().min(1).max(50).exactOptional().describe('Digits count, signs between them do not.'),
    conversationId: clientId(500)
      .exactOptional()
      .describe("The conversation at the bot; in native mode the desk's own id, also of one without a handoff."),
  })
  .refine(
    (who) => Object.keys(who).length > 0,
    'must name at least one of id, anonymousId, email, phone, conversationId',
  )
  .meta({
    id: 'Person',
    description: 'One user of a bot. What has any of these is his.',
    examples: [{ id: 'cust-20871' }],
  });

export type Person = z.output<typeof person>;

const count = z.int().min(0);

export const erased = z
  .object({
    complete: z.boolean().describe('false: there is more than one call erases. Call again.'),
    handoffs: count,
    conversations: count.describe('Native conversations.'),
    events: count,
    lateMessages: count,
    inbox: count.describe('Kept webhooks of desks.'),
    histories: z
      .enum(['deleted', 'kept'])
      .describe("At Temporal. `kept`: Temporal does not let us delete; its namespace's retention does."),
    remains: z
      .array(z.object({ where: z.string(), what: z.string() }))
      .describe('What this call cannot reach, for people.'),
  })
  .meta({ id: 'ErasedUser' });

export type Erased = z.output<typeof erased>;

export const userExport = z
  .object({
    version: z.literal(1),
    botId: z.string(),
    exportedAt: timestamp,
    handoffs: z.array(z.object({ metadata: z.unknown(), transcript })).describe('Newest first.'),
    conversations: z.array(
      z.object({
        id: z.string(),
        desk: z.string(),
        deskConversationId: z.string(),
        startedAt: timestamp,
        events: z.array(botEvent),
      }),
    ),
  })
  .meta({ id: 'UserExport' });
