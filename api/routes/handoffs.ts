import { z } from 'zod';
import type { HandoffRow } from '../../activities/store/store.ts';
import { botIsSilent, visibleRow } from '../acts.ts';
import { askedBot, principalOf, requireBot } from '../auth.ts';
import { invalid, requireOrder } from '../errors.ts';
import { deskLink, linksOf, type Links } from '../links.ts';
import { errors } from '../schemas/common.ts';
import {
  existingOrRefused,
  handoffPage,
  handoffQuery,
  handoffWithLate,
  started,
  startRequest,
} from '../schemas/handoffs.ts';
import { startHandoff } from '../starts.ts';
import { goneSignal, preferredWait, waitForDesk } from '../wait.ts';
import type { Routes } from './route.ts';

export const handoffRoutes: Routes = (app, context) => {
  const { store } = context;

  app.post(
    '/v1/handoffs',
    {
      bodyLimit: context.config.limits.largeBodyBytes,
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
      const handoff = viewOf(row, linksOf(context, principalOf(request), row.id));
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
        querystring: handoffQuery,
        response: { 200: handoffPage, ...errors(400, 403, 404) },
      },
    },
    async (request) => {
      const botId = askedBot(request, request.query.botId);
      const { desk, from, to } = request.query;
      if (desk !== undefined && context.desks.get(desk) === undefined) {
        throw invalid([{ path: 'desk', message: 'is no desk of this version' }]);
      }
      if (from !== undefined && to !== undefined) requireOrder(Date.parse(from), Date.parse(to));
      const page = await store.handoffs.list({ ...request.query, from: utc(from), to: utc(to), botId });
      const handoffs = page.handoffs.map((row) => viewOf(row, linksOf(context, principalOf(request), row.id)));
      return { handoffs, nextCursor: page.nextCursor };
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
      const principal = principalOf(request);
      const row = await visibleRow(context, principal, request.params.id);
      const [desk, lateMessages] = await Promise.all([deskLink(context, row), store.journal.late(row.id)]);
      const links = { ...linksOf(context, principal, row.id), desk };
      return { ...viewOf(row, links), lateMessages };
    },
  );
};

/** What the outside sees of a row. */
function viewOf(row: HandoffRow, links: Links) {
  const { runStarted: _runStarted, ...view } = row;
  return { ...view, botSilent: botIsSilent(row), user: { ...row.user }, links };
}

/** PostgreSQL knows fewer offsets than ISO 8601. */
const utc = (time: string | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString();
