import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { answers, createTemporalPing } from '../../activities/platform/reachable.ts';
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
export const always = { rateLimit: false as const, beforeReady: true, pressureHandler: () => undefined };

export const probeRoutes: Routes = (app, context) => {
  const pingTemporal = temporalPing(context);
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
};

/** Asks Temporal whether it is there; those who ask at the same moment share one call. */
export function temporalPing({ client, pending }: ApiContext): () => Promise<unknown> {
  const ping = createTemporalPing(client);
  return () => pending.track(ping());
}
