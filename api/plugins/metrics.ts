import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from '../../activities/platform/metrics.ts';
import { traceFields } from '../../activities/platform/trace.ts';

/** One log line and one observation per answer, with the route's pattern: addresses carry tokens and ids. */
export const observe = fp<{ metrics: Metrics }>(async (app, { metrics }) => {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    // A stream lasts as long as its reader wants.
    if (!isStream(reply))
      metrics.httpSeconds.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    const level = isQuiet(request) ? 'debug' : 'info';
    const fields = { method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    // The answer may end outside of the request's scope.
    request.log[level]({ ...fields, ...traceFields(request.trace) }, 'answered');
  });
});

const isStream = (reply: FastifyReply): boolean =>
  String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');

const QUIET = new Set(['/livez', '/readyz', '/metrics']);
const isQuiet = (request: FastifyRequest): boolean => QUIET.has(request.routeOptions.url ?? '');
