import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
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
const always = { rateLimit: false as const, pressureHandler: () => undefined };

export const probeRoutes: Routes = (app, context) => {
  const pingTemporal = shared(() =>
    context.pending.track(
      context.client.withDeadline(Date.now() + CHECK_MS, () => context.client.workflowService.getSystemInfo({})),
    ),
  );
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
