import { z } from 'zod';
import { timestamp } from './common.ts';

/** As it was taken: what a desk sends is not held to the limits of what users send. */
const file = z.object({
  url: z.string(),
  name: z.string().exactOptional(),
  contentType: z.string().exactOptional(),
});

const delivery = z
  .object({
    messageId: z.string(),
    from: z.enum(['user', 'agent']),
    at: timestamp,
    text: z.string(),
    attachments: z.array(file).exactOptional(),
    state: z
      .enum(['waiting', 'unclear', 'sent', 'read', 'failed', 'delivered'])
      .describe(
        "A user's message: `waiting` for the desk, also between two tries; `unclear`: a try has begun and nobody knows how it " +
          'ended (desks that can be asked only); `sent`: the desk has it; `read`: and has reported it read; `failed`. ' +
          "An agent's message is `delivered`: in the journal, and so on the streams.",
      ),
    reason: z
      .string()
      .exactOptional()
      .describe('Why it failed, as in `message.failed`; of a message that arrived: `attachment_not_supported`.'),
    failedAt: timestamp.exactOptional(),
  })
  .meta({ id: 'Delivery' });

export const deliveries = z
  .object({
    messages: z.array(delivery).describe('Oldest first; the newest 1,000.'),
    omitted: z.int().describe('How many older ones there are.'),
    duplicatesDropped: z.int(),
    late: z.int().describe('Messages that came after the end.'),
    callback: z
      .object({ sentSeq: z.int().describe('0: none, or no callback.'), lastSeq: z.int() })
      .describe('How far the callback is.'),
  })
  .meta({ id: 'Deliveries' });

export type Delivery = z.infer<typeof delivery>;
export type Deliveries = z.infer<typeof deliveries>;
