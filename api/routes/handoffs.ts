import { z } from 'zod';
import type { HandoffRow } from '../../activities/store/store.ts';
import { botIsSilent } from '../acts.ts';
import { maySee, principalOf, requireBot } from '../auth.ts';
import { notFound } from '../errors.ts';
import { cursorQuery, errors, limitQuery, status } from '../schemas/common.ts';
import { existingOrRefused, handoffPage, handoffWithLate, started, startRequest } from '../schemas/handoffs.ts';
import { startHandoff } from '../starts.ts';
import { goneSignal, preferredWait, waitForDesk } from '../wait.ts';
import type { Routes } from './route.ts';

/** 400 turns of a long talk; one Temporal payload may have 2 MiB. */
const START_BODY_LIMIT = 1024 * 1024;

export const handoffRoutes: Routes = (app, context) => {
  const { store } = context;

  app.post(
    '/v1/handoffs',
    {
      bodyLimit: START_BODY_LIMIT,
      schema: {
        tags: ['handoffs'],
        summary: 'Ask for a human',
        description:
          'A conversation has at most one open handoff: asking again answers `existing`. With `Prefer: wait=N` (at most 60) the answer comes when the desk has accepted or refused, at most N seconds later.',
        body: startRequest,
        headers: z.object({ prefer: z.string().optional().describe('`wait=N`') }),
        response: { 200: existingOrRefused, 201: started, ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      requireBot(request, request.body.botId);
      const outcome = await startHandoff(context, request.body);
      if (outcome.outcome === 'refused') return reply.code(200).send(outcome);
      const seconds = preferredWait(request.headers.prefer);
      let row = outcome.handoff;
      if (seconds !== undefined) {
        await waitForDesk(store, row.id, seconds, goneSignal(reply, context.closing));
        row = (await store.handoffs.get(row.id)) ?? row;
        void reply.header('preference-applied', `wait=${seconds}`);
      }
      const handoff = viewOf(row);
      return outcome.outcome === 'started'
        ? reply.code(201).send({ outcome: 'started', handoff })
        : reply.code(200).send({ outcome: 'existing', handoff });
    },
  );

  app.get(
    '/v1/handoffs',
    {
      schema: {
        tags: ['handoffs'],
        summary: 'Handoffs, newest first',
        querystring: z.object({
          botId: z.string().max(200).optional(),
          conversationId: z.string().max(500).optional(),
          status: status.optional(),
          cursor: cursorQuery,
          limit: limitQuery,
        }),
        response: { 200: handoffPage, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const botId = request.query.botId ?? (principal.kind === 'bot' ? principal.botId : undefined);
      if (botId !== undefined) requireBot(request, botId);
      const page = await store.handoffs.list({ ...request.query, botId });
      return { handoffs: page.handoffs.map(viewOf), nextCursor: page.nextCursor };
    },
  );

  app.get(
    '/v1/handoffs/:id',
    {
      schema: {
        tags: ['handoffs'],
        summary: 'State of a handoff',
        params: z.object({ id: z.string() }),
        response: { 200: handoffWithLate, ...errors(403, 404) },
      },
    },
    async (request) => {
      const row = await store.handoffs.get(request.params.id);
      if (row === undefined || !maySee(principalOf(request), row.botId)) throw notFound('handoff');
      return { ...viewOf(row), lateMessages: await store.journal.late(row.id) };
    },
  );
};

/** What the outside sees of a row. */
function viewOf(row: HandoffRow) {
  const { runStarted: _runStarted, ...view } = row;
  return { ...view, botSilent: botIsSilent(row.status), user: { ...row.user } };
}
