import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { errors } from '../schemas/common.ts';
import { session, sessionRequest } from '../schemas/session.ts';
import { beginSession, crossOrigin, endSession, isSameOrigin, sameSecret, sessionOf } from '../session.ts';
import type { Routes } from './route.ts';

const schema = { tags: ['session'], security: [] };

/** The operator's key in a browser: given once, then a cookie that no script can read stands for it. */
export const sessionRoutes: Routes = (app, context) => {
  const { operatorKey, publicUrl } = context.config;

  app.post(
    '/v1/session',
    {
      schema: {
        ...schema,
        summary: 'Sign in a browser',
        description:
          'Sets the cookie `baton_session` (HttpOnly, SameSite=Strict, 12 hours), which counts as the operator. For methods other than GET and HEAD it counts only when `Origin` (or without it `Sec-Fetch-Site`) is ours. A request with `Authorization` never looks at it.',
        body: sessionRequest,
        response: { 204: z.null().describe('The cookie is set.'), ...errors(400, 403) },
      },
    },
    async (request, reply) => {
      refuseForeign(context, request);
      const { key } = request.body;
      await app.guard.check(request, key);
      if (!sameSecret(key, operatorKey)) {
        await app.guard.failed(request);
        throw new ApiError(401, 'unauthorized', "This is not the operator's key.");
      }
      app.guard.passed(key);
      beginSession(reply, (request.headers.origin ?? publicUrl).startsWith('https:'));
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/v1/session',
    { schema: { ...schema, summary: 'Until when the session lasts', response: { 200: session, ...errors() } } },
    async (request, reply) => {
      // No 401: every page asks this first, and a browser would log it as an error.
      const found = sessionOf(request);
      const expiresAt = found === undefined ? null : new Date(found.expiresAtMs).toISOString();
      return reply.header('cache-control', 'no-store').send({ expiresAt });
    },
  );

  app.delete(
    '/v1/session',
    { schema: { ...schema, summary: 'Sign out', response: { 204: z.null(), ...errors(403) } } },
    async (request, reply) => {
      refuseForeign(context, request);
      endSession(reply);
      return reply.code(204).send(null);
    },
  );
};

/** A page of somebody else could neither use the session nor end it, so it is told before it begins one. */
function refuseForeign({ config }: ApiContext, request: FastifyRequest): void {
  if (request.headers.origin !== undefined && !isSameOrigin(request, config.publicUrl)) throw crossOrigin();
}
