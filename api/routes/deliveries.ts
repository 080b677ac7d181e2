import { z } from 'zod';
import { visibleRow } from '../acts.ts';
import { principalOf, requireOperator } from '../auth.ts';
import { actOnMessage, deliveriesOf } from '../deliveries.ts';
import { errors } from '../schemas/common.ts';
import { deliveries } from '../schemas/deliveries.ts';
import { accepted } from '../schemas/handoffs.ts';
import type { Routes } from './route.ts';

const params = z.object({ id: z.string() });
const messageParams = params.extend({ messageId: z.string() });

const OPERATOR_ACTS = [
  {
    path: 'retry',
    kind: 'retryMessage',
    summary: 'Have a failed message tried again',
    description:
      'Operator only. A failed message (one of the last 50) goes to the desk behind all others, with `message.retried`; one that waits in a pause between two tries is tried now. 409: `handoff_closed`, `not_failed`.',
  },
  {
    path: 'give-up',
    kind: 'giveUpMessage',
    summary: 'Give up a waiting message',
    description:
      'Operator only. It fails now, with reason `given_up`; those behind it go on. A try that is under way may still deliver it. 409: `handoff_closed`, `not_waiting`.',
  },
] as const;

export const deliveryRoutes: Routes = (app, context) => {
  app.get(
    '/v1/handoffs/:id/deliveries',
    {
      schema: {
        tags: ['handoffs'],
        summary: 'Where the messages of a handoff are',
        params,
        response: { 200: deliveries, ...errors(403, 404) },
      },
    },
    async (request) => deliveriesOf(context, await visibleRow(context, principalOf(request), request.params.id)),
  );

  for (const { path, kind, summary, description } of OPERATOR_ACTS) {
    app.post(
      `/v1/handoffs/:id/messages/:messageId/${path}`,
      {
        schema: {
          tags: ['handoffs'],
          summary,
          description,
          params: messageParams,
          response: { 202: accepted, ...errors(403, 404, 409) },
        },
      },
      async (request, reply) => {
        requireOperator(request);
        const { id: handoffId, messageId } = request.params;
        await actOnMessage(context, principalOf(request), handoffId, messageId, kind);
        return reply.code(202).send({ handoffId });
      },
    );
  }
};
