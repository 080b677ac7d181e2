import fp from 'fastify-plugin';
import { bearerKey, unauthorized, type Auth } from '../auth.ts';
import { ApiError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a key, in a group that asks for one. */
    public?: boolean;
  }
}

/** Asks for a key on every route of its scope. */
export const keyed = fp<{ auth: Auth }>(async (app, { auth }) => {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.public === true) return;
    const key = bearerKey(request) ?? '';
    await app.guard.check(request, key);
    try {
      request.principal = await auth.authenticate(request);
      app.guard.passed(key);
    } catch (error) {
      if (error instanceof ApiError && error.status === unauthorized().status) await app.guard.failed(request);
      throw error;
    }
  });
});
