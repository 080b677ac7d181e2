import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { renderMetrics } from '../../activities/platform/gauges.ts';
import { bearerKey } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { guarded } from '../plugins/keyed.ts';
import { sameSecret } from '../session.ts';
import { always, temporalPing } from './probes.ts';
import type { App, Routes } from './route.ts';

export const metricsRoutes: Routes = (app, context) => {
  const pingTemporal = temporalPing(context);

  app.get(
    '/metrics',
    {
      config: always,
      schema: {
        tags: ['operations'],
        summary: 'Prometheus',
        description:
          'From this machine without a key; from elsewhere, and through a proxy, with the operator key or `BATON_METRICS_KEY`.',
        security: [{}, { key: [] }, { session: [] }],
        response: { 200: { content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      if (!isLocal(request)) await requireKey(app, context, request);
      const { metrics, store } = context;
      const text = await renderMetrics({ metrics, store, pingTemporal, installation: true });
      return reply.type(metrics.registry.contentType).serializer(String).send(text);
    },
  );
};

/** A proxy on this machine calls from loopback as well, for the whole world. */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return ip === '::1' || (isIP(ip.replace(/^::ffff:/, '')) === 4 && ip.replace(/^::ffff:/, '').startsWith('127.'));
}

/** The monitoring needs no key that may do all. */
async function requireKey(app: App, { auth, config }: ApiContext, request: FastifyRequest): Promise<void> {
  const key = bearerKey(request);
  if (key !== undefined && config.metricsKey !== undefined && sameSecret(key, config.metricsKey)) return;
  const principal = await guarded(app, auth, request);
  if (principal.kind !== 'operator') throw new ApiError(403, 'operator_only', 'Only the operator may do this.');
}
