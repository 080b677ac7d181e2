import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { maySee, principalOf, requireBot } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { invalid, notFound } from '../errors.ts';
import { botParams } from '../schemas/bots.ts';
import { afterSeqQuery, errors, eventLimitQuery } from '../schemas/common.ts';
import { botEventPage, eventPage } from '../schemas/handoffs.ts';
import { streamBot, streamHandoff, type StreamOptions } from '../streams.ts';
import type { Routes } from './route.ts';

const STREAM = 'text/event-stream';
const headers = z.object({ 'last-event-id': z.string().optional().describe('Wins over `after`.') });

const streamAnswer = { content: { [STREAM]: { schema: z.string() } } };

export const eventRoutes: Routes = (app, context) => {
  const { store } = context;

  app.get(
    '/v1/handoffs/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['events'],
        summary: 'The journal of a handoff',
        description:
          'JSON by default. With `Accept: text/event-stream` a live stream: `id` is the `seq`, `event` the type, `data` the event. It resumes from `Last-Event-ID` (or `after`) without a gap or a repeat, and ends after `handoff.closed`.',
        params: z.object({ id: z.string() }),
        headers,
        querystring: z.object({ after: afterSeqQuery, limit: eventLimitQuery }),
        response: { 200: contentOf(eventPage), ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const found = await store.handoffs.find(id);
      if (found === undefined || !maySee(principalOf(request), found.botId)) throw notFound('handoff');
      const after = lastSeq(request) ?? request.query.after;
      if (accepts(request, STREAM)) return streamHandoff(options(context, request, reply), id, after);
      const events = await store.journal.read(id, after, request.query.limit);
      return { events, next: events.at(-1)?.seq ?? after };
    },
  );

  app.get(
    '/v1/bots/:botId/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['events'],
        summary: 'One live stream for all handoffs and native conversations of a bot',
        description:
          'From now on; `after=start` from the beginning; `Last-Event-ID` (or `after`) from there. `id` is an opaque cursor. With `Accept: application/json` one page of the same.',
        params: botParams,
        headers,
        querystring: z.object({ after: z.string().max(200).optional(), limit: eventLimitQuery }),
        response: { 200: contentOf(botEventPage), ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { botId } = request.params;
      requireBot(request, botId);
      if ((await store.bots.get(botId)) === undefined) throw notFound('bot');
      const asked = headerOf(request) ?? request.query.after;
      const cursor = asked ?? (await store.journal.botCursorNow(botId));
      // Before the stream's headers are out: a bad cursor is a 400.
      const page = await store.journal.readBot(botId, cursor, accepts(request, STREAM) ? 1 : request.query.limit);
      if (accepts(request, STREAM) || !accepts(request, 'application/json')) {
        return streamBot(options(context, request, reply), botId, cursor);
      }
      return { events: page.events.map(({ event }) => event), next: page.events.at(-1)?.cursor ?? cursor };
    },
  );
};

/** The schema of the JSON form; streams go round it. */
function contentOf<T extends z.ZodType>(schema: T) {
  return {
    description: 'A page, or a live stream.',
    content: { 'application/json': { schema }, ...streamAnswer.content },
  };
}

const accepts = (request: FastifyRequest, type: string): boolean =>
  (request.headers.accept ?? '').split(',').some((one) => one.split(';', 1)[0]?.trim().toLowerCase() === type);

function headerOf(request: FastifyRequest): string | undefined {
  const value = [request.headers['last-event-id']].flat()[0];
  return value === undefined || value === '' ? undefined : value;
}

function lastSeq(request: FastifyRequest): number | undefined {
  const value = headerOf(request);
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw invalid([{ path: 'Last-Event-ID', message: 'is not one of ours' }]);
  return Number(value);
}

/** A key that was deleted or switched off loses its stream at the next heartbeat. */
function options(context: ApiContext, request: FastifyRequest, reply: FastifyReply): StreamOptions {
  const free = context.places.take(principalOf(request));
  // He may be gone before anybody asks.
  if (reply.raw.destroyed) free();
  reply.raw.once('close', free);
  return {
    reply,
    store: context.store,
    metrics: context.metrics,
    closing: context.closing,
    heartbeatMs: context.heartbeatMs,
    stillAllowed: async () => (await context.auth.check(request)).ok,
  };
}
