import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { HandoffRow } from '../../activities/store/store.ts';
import type { HandoffSignal, HandoffStatus } from '../../workflows/contracts.ts';
import { maySee, principalOf, requireOperator } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { ApiError, notFound } from '../errors.ts';
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
const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;
const closed = (): ApiError => new ApiError(409, 'handoff_closed', 'The handoff is closed.');

/** What user and bot do in a handoff: each is one look at its row and one signal. */
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
      await openStatus(context, request, handoffId);
      const { text, attachments } = request.body;
      const id = request.body.id ?? newId('msg');
      await send(context, handoffId, { kind: 'userMessage', id, text, ...(attachments && { attachments }) });
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
      const row = await visibleRow(context, request, request.params.id);
      const { email } = request.body;
      if (row.status === 'closed') throw closed();
      if (row.status === 'awaiting_email') {
        await send(context, row.id, { kind: 'emailGiven', id: newId('email'), email });
        await context.store.handoffs.emailGiven(row.id, email);
      } else if (row.user.email !== email) {
        throw new ApiError(409, 'email_not_expected', 'The handoff does not wait for an email.');
      }
      return reply.code(202).send({ handoffId: row.id });
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
      const status = await openStatus(context, request, handoffId);
      if (status !== 'asking') {
        throw new ApiError(409, 'wait_not_asked', 'The user has not been asked whether to wait.');
      }
      await send(context, handoffId, { kind: 'waitChoice', id: newId('wait'), choice: request.body.choice });
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
      const row = await visibleRow(context, request, request.params.id);
      if (row.status !== 'closed') await close(context, row, by);
      return { handoffId: row.id };
    },
  );
};

/** Throws 404 for unknown and foreign handoffs alike, 409 for closed ones. */
async function openStatus(context: ApiContext, request: FastifyRequest, id: string): Promise<HandoffStatus> {
  const found = await context.store.handoffs.find(id);
  if (found === undefined || !maySee(principalOf(request), found.botId)) throw notFound('handoff');
  if (found.status === 'closed') throw closed();
  return found.status;
}

async function visibleRow(context: ApiContext, request: FastifyRequest, id: string): Promise<HandoffRow> {
  const row = await context.store.handoffs.get(id);
  if (row === undefined || !maySee(principalOf(request), row.botId)) throw notFound('handoff');
  return row;
}

async function send(context: ApiContext, handoffId: string, signal: HandoffSignal): Promise<void> {
  const outcome = await context.intake.send(handoffId, signal);
  if (outcome === 'accepted') return;
  const row = await context.store.handoffs.get(handoffId);
  throw row?.runStarted === false && row.status !== 'closed' ? notStarted() : closed();
}

/** A run that has gone without a word is closed by maintenance; for the caller it is closed. */
async function close(context: ApiContext, row: HandoffRow, by: 'user' | 'bot' | 'operator'): Promise<void> {
  const outcome = await context.intake.send(row.id, { kind: 'close', id: `close:${by}`, by });
  if (outcome === 'closed' && !row.runStarted) throw notStarted();
}

/** Between the row and the start of the run, or after a crash there: the next start request mends it. */
const notStarted = (): ApiError =>
  new ApiError(503, 'handoff_starting', 'The handoff has not started yet. Try again.', {
    headers: { 'retry-after': '1' },
  });
