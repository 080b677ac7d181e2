import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import type { Routes } from './route.ts';

const CHECK_MS = 1_500;

const readiness = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    parts: z.object({
      postgresql: z.enum(['ok', 'down']),
      temporal: z.enum(['ok', 'down']),
      load: z.enum(['ok', 'down']),
    }),
  })
  .meta({ id: 'Readiness' });

/** Never shed or rate-limited: what asks decides over life and death of the process. */
export const always = { rateLimit: false as const, pressureHandler: () => undefined };

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
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const [postgresql, temporal] = await Promise.all([answers(context.store.ping()), answers(pingTemporal())]);
      const load = app.isUnderPressure() ? ('down' as const) : ('ok' as const);
      const parts = { postgresql, temporal, load };
      const ready = Object.values(parts).every((part) => part === 'ok');
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not_ready', parts });
    },
  );
};

/** Asks Temporal whether it is there; those who ask at the same moment share one call. */
export function temporalPing({ client, pending }: ApiContext): () => Promise<unknown> {
  return shared(() =>
    pending.track(client.withDeadline(Date.now() + CHECK_MS, () => client.workflowService.getSystemInfo({}))),
  );
}

async function answers(check: Promise<unknown>): Promise<'ok' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(() => resolve('down'), CHECK_MS);
  });
  const outcome = await Promise.race([check.then(() => 'ok' as const).catch(() => 'down' as const), late]);
  clearTimeout(timer);
  return outcome;
}

/** One call at a time: the client tries again inside its deadline, and probes may come faster than it gives up. */
function shared<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= call().finally(() => (running = undefined)));
}
