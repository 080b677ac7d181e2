import fp from 'fastify-plugin';
import { inTrace, traceOfRequest } from '../../activities/platform/trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** `traceparent` of our own span in the caller's trace, or in a new one. */
    trace: string;
  }
}

/** Everything that a request does is done in its trace: signals, desk calls and log lines take it from there. */
export const trace = fp(async (app) => {
  app.decorateRequest('trace', '');
  app.addHook('onRequest', (request, _reply, done) => {
    request.trace = traceOfRequest(request.headers['traceparent']);
    inTrace(request.trace, done);
  });
  // What reads a body goes on where the socket was, outside of the first hook's scope.
  app.addHook('preValidation', (request, _reply, done) => inTrace(request.trace, done));
});
