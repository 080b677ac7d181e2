import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { answers, createTemporalPing } from '../../activities/platform/reachable.ts';
import { ApiError } from '../errors.ts';
import type { Routes } from './route.ts';

const part = z.enum(['ok', 'down']);

const readiness = z
  .object({
    status: z
      .enum(['ready', 'not_ready', 'draining'])
      .describe('`draining`: the process is about to stop and still takes calls.'),
    parts: z.object({
      postgresql: part,
      migrations: part.describe('Whether the database has its tables.'),
      temporal: part,
      load: part,
    }),
  })
  .meta({ id: 'Readiness' });

/** Never shed or rate-limited: what asks decides over life and death of the process. */
const always = { rateLimit: false as const, beforeReady: true, pressureHandler: () => undefined };

export const probeRoutes: Routes = (app, context) => {
  const ping = createTemporalPing(context.client);
  const pingTemporal = (): Promise<unknown> => context.pending.track(ping());
  const schema = { tags: ['operations'], security: [] };

  app.get(
    '/livez',
    {
      config: always,
      schema: { ...schema, summary: 'The process answers', response: { 200: z.object({ status: z.literal('ok') }) } },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      config: always,
      schema: {
        ...schema,
        summary: 'PostgreSQL and Temporal answer too',
        description:
          '`without=temporal` counts Temporal as optional: for load balancers, so that desks reach us while it is away. What agents write then is kept and forwarded later.',
        querystring: z.object({ without: z.enum(['temporal']).optional() }),
        response: { 200: readiness, 503: readiness },
      },
    },
    async (request, reply) => {
      const { lifecycle, store } = context;
      const [postgresql, temporal] = await Promise.all([answers(store.ping()), answers(pingTemporal())]);
      const ok = (is: boolean) => (is ? ('ok' as const) : ('down' as const));
      const parts = { postgresql, migrations: ok(lifecycle.migrated), temporal, load: ok(!app.isUnderPressure()) };
      const needed = Object.entries(parts).filter(([name]) => name !== request.query.without);
      const isReady = needed.every(([, state]) => state === 'ok') && !lifecycle.draining;
      const status = lifecycle.draining ? 'draining' : isReady ? 'ready' : 'not_ready';
      return reply.code(isReady ? 200 : 503).send({ status, parts });
    },
  );

  app.get(
    '/metrics',
    {
      config: always,
      schema: {
        tags: ['operations'],
        summary: 'Prometheus',
        description: 'From this machine without a key; from elsewhere, and through a proxy, with the operator key.',
        response: { 200: { content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      if (!isLocal(request)) await requireOperatorKey(context, request);
      await refreshGauges(context);
      const text = await context.metrics.registry.metrics();
      return reply.type(context.metrics.registry.contentType).serializer(String).send(text);
    },
  );
};

/** A proxy on this machine calls from loopback as well, for the whole world. */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return ip === '::1' || (isIP(ip.replace(/^::ffff:/, '')) === 4 && ip.replace(/^::ffff:/, '').startsWith('127.'));
}

async function requireOperatorKey({ auth }: ApiContext, request: FastifyRequest): Promise<void> {
  const principal = await auth.authenticate(request);
  if (principal.kind !== 'operator') throw new ApiError(403, 'operator_only', 'Only the operator may do this.');
}

/** The gauge is a count in the database: the last value stands while that cannot be read. */
async function refreshGauges({ store, metrics }: ApiContext): Promise<void> {
  try {
    metrics.callbacksFailing.set(await store.callbacks.failingCount());
  } catch {
    return;
  }
}
