import { z } from 'zod';
import { answerWait, end, giveEmail, say } from '../acts.ts';
import { principalOf, requireOperator } from '../auth.ts';
import { errors } from '../schemas/common.ts';
import {
  accepted,
  closeRequest,
  emailRequest,
  messageAccepted,
  messageRequest,
  waitRequest,
} from '../schemas/handoffs.ts';
import type { Routes } from './route.ts';

const params = z.object({ id: z.string() });

/** What user and bot do in a handoff. */
export const handoffMessageRoutes: Routes = (app, context) => {
  app.post(
    '/v1/handoffs/:id/messages',
    {
      schema: {
        tags: ['handoffs'],
        summary: "A user's message",
        description:
          'Accepted means delivered, in order: it is kept until the desk has it, or `message.failed` says so. One that ' +
          'crosses the end of the handoff is in its `lateMessages`.',
        params,
        body: messageRequest,
        response: { 202: messageAccepted, ...errors(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id: handoffId } = request.params;
      const id = await say(context, principalOf(request), handoffId, request.body);
      return reply.code(202).send({ id, handoffId });
    },
  );

  app.post(
    '/v1/handoffs/:id/email',
    {
      schema: {
        tags: ['handoffs'],
        summary: 'The email that a handoff waits for',
        params,
        body: emailRequest,
        response: { 202: accepted, ...errors(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id: handoffId } = request.params;
      await giveEmail(context, principalOf(request), handoffId, request.body.email);
      return reply.code(202).send({ handoffId });
    },
  );

  app.post(
    '/v1/handoffs/:id/wait',
    {
      schema: {
        tags: ['handoffs'],
        summary: "The user's answer to the wait prompt",
        params,
        body: waitRequest,
        response: { 202: accepted, ...errors(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id: handoffId } = request.params;
      await answerWait(context, principalOf(request), handoffId, request.body.choice);
      return reply.code(202).send({ handoffId });
    },
  );

  app.post(
    '/v1/handoffs/:id/close',
    {
      schema: {
        tags: ['handoffs'],
        summary: 'The user or the bot ends it',
        description: 'Calling it again gives the same answer. `handoff.closed` says when and why it ended.',
        params,
        body: closeRequest.default({ by: 'user' }),
        response: { 200: accepted, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const { by } = request.body;
      if (by === 'operator') requireOperator(request);
      await end(context, principalOf(request), request.params.id, by);
      return { handoffId: request.params.id };
    },
  );
};
