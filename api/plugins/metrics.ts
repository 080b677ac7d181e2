import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Histogram } from 'prom-client';
import type { Metrics } from '../../activities/platform/metrics.ts';

const NAME = 'baton_http_request_duration_seconds';

/** One log line and one observation per answer, with the route's pattern: addresses carry tokens and ids. */
export const observe = fp<{ metrics: Metrics }>(async (app, { metrics }) => {
  const existing = metrics.registry.getSingleMetric(NAME) as Histogram<'method' | 'route' | 'status'> | undefined;
  const seconds =
    existing ??
    new Histogram({
      name: NAME,
      help: 'Time to answer, by route',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 60],
      registers: [metrics.registry],
    });

  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    // A stream lasts as long as its reader wants.
    if (!isStream(reply)) seconds.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    const level = isQuiet(request) ? 'debug' : 'info';
    request.log[level]({ method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'answered');
  });
});

const isStream = (reply: FastifyReply): boolean =>
  String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');

const QUIET = new Set(['/livez', '/readyz', '/metrics']);
const isQuiet = (request: FastifyRequest): boolean => QUIET.has(request.routeOptions.url ?? '');
