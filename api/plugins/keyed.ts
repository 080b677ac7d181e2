import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { bearerKey, unauthorized, type Auth, type Principal } from '../auth.ts';
import { ApiError } from '../errors.ts';
import { hasCookie } from '../session.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a key, in a group that asks for one. */
    public?: boolean;
    /** Besides our own, the one origin whose pages may use a session on this route. */
    trustedOrigin?: string;
  }
}

/** Asks for a key on every route of its scope. */
export const keyed = fp<{ auth: Auth }>(async (app, { auth }) => {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.public !== true) request.principal = await guarded(app, auth, request);
  });
});

/** Who calls. Wrong keys are counted, and refused with 429 when there are too many. */
export async function guarded(app: FastifyInstance, auth: Auth, request: FastifyRequest): Promise<Principal> {
  // A wrong signature costs us no look in the database, and cannot be guessed: a page with an old cookie is no attack.
  if (hasCookie(request)) return await auth.authenticate(request);
  const key = bearerKey(request) ?? '';
  await app.guard.check(request, key);
  try {
    const principal = await auth.authenticate(request);
    app.guard.passed(key);
    return principal;
  } catch (error) {
    if (error instanceof ApiError && error.status === unauthorized().status) await app.guard.failed(request);
    throw error;
  }
}
